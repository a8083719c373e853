"""The end of every fault test: the doctor finds nothing, or nothing that a factory's short cut had not left before."""

import json

from tests.stack import Stack
from training.loop.doctor import examine


def check_clean(site: Stack) -> None:
    """`manage.py doctor` on the site's database, which may still be at work."""
    doctor = site.manage("doctor", "--json", check=False)
    assert doctor.stdout, doctor.stderr[-4000:]
    found = json.loads(doctor.stdout)["invariants"]
    assert {one["name"]: one["first"] for one in found if one["breaches"]} == {}
    assert doctor.returncode == 0


def breached() -> dict[str, tuple[str, ...]]:
    """Invariant → its first breaches in this process's database. Rows of factories breach some of themselves."""
    return {finding.name: finding.first for _, finding in examine() if finding.breaches}


def check_nothing_new(known: dict[str, tuple[str, ...]]) -> None:
    """No invariant is breached but those that were `known` to be before anything was killed."""
    assert {name: first for name, first in breached().items() if name not in known} == {}
