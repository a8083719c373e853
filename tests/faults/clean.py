"""The end of every fault test: the doctor finds nothing."""

import json

from tests.stack import Stack


def check_clean(site: Stack) -> None:
    """`manage.py doctor` on the site's database, which may still be at work."""
    doctor = site.manage("doctor", "--json", check=False)
    assert doctor.stdout, doctor.stderr[-4000:]
    found = json.loads(doctor.stdout)["invariants"]
    assert {one["name"]: one["first"] for one in found if one["breaches"]} == {}
    assert doctor.returncode == 0
