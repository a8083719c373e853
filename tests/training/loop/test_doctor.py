"""The command that looks at all of it: every slice, one moment, reads only, exit 1 at a breach."""

import json
import threading
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import InternalError

from annotations.capture.models import Interaction
from labelhub import jobs
from labelhub.invariants import LISTED, Invariant, at_one_moment, look
from labelhub.jobs.models import Job
from labelhub.projects.models import Project
from tests.factories import make_interaction, make_project
from tests.planting import sql
from tests.training.worlds import trained_world
from training.loop.doctor import SLICES, examine

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.bar("doctor")


def doctor(*options: str) -> tuple[int, str]:
    """(exit status, output)"""
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_every_slice_that_lists_invariants_is_looked_at():
    files = [
        path.parent.relative_to(ROOT)
        for app in ("labelhub", "annotations", "training")
        for path in [*(ROOT / app).glob("*/invariants.py"), *(ROOT / app).glob("*/invariants")]
    ]
    assert {".".join(folder.parts) for folder in files} == set(SLICES)
    for name, invariants in SLICES.items():
        assert import_module(f"{name}.invariants").INVARIANTS is invariants


def test_every_invariant_is_a_claim_of_its_own():
    names = [invariant.name for invariants in SLICES.values() for invariant in invariants]
    assert len(names) == len(set(names)) > 100


@pytest.fixture
def _no_payloads_of_others(transactional_db):
    """Django empties only the tables that it manages between tests."""
    sql("TRUNCATE annotations_rawpayload")
    yield
    sql("TRUNCATE annotations_rawpayload")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_payloads_of_others")
class TestTheCommand:
    def test_a_site_where_everything_happened_once_is_clean(self):
        with transaction.atomic():
            trained_world()
        status, told = doctor()
        assert status == 0, told
        assert told.count("✓") == sum(map(len, SLICES.values()))
        assert "✕" not in told
        assert told.splitlines()[-1].endswith("clean.")
        slow = sum(invariant.slow for invariants in SLICES.values() for invariant in invariants)
        assert doctor("--quick")[1].count("✓") == told.count("✓") - slow

    def test_a_breach_is_named_with_its_row_and_the_command_ends_with_1(self):
        row = make_interaction(make_project(), output="a\r\nb")
        status, told = doctor()
        assert status == 1
        assert "✕ annotations.capture: an interaction's lines end with a line feed (1 rows, 1 breaches)" in told
        assert f"    Interaction {row.pk} holds a carriage return" in told
        assert told.splitlines()[-1].endswith("1 breaches.")

    def test_the_first_breaches_are_listed_and_all_are_counted(self):
        project = make_project()
        for n in range(LISTED + 3):
            make_interaction(project, output=f"{n}\r")
        _, told = doctor("--quick")
        assert told.count("    Interaction ") == LISTED
        assert "    … and 3 more" in told

    def test_json_says_the_same(self):
        assert json.loads(doctor("--json")[1])["clean"] is True
        row = make_interaction(make_project(), confidence=7.0)
        status, told = doctor("--json", "--quick")
        facts = json.loads(told)
        assert (status, facts["clean"], facts["breaches"]) == (1, False, 1)
        (broken,) = [one for one in facts["invariants"] if one["breaches"]]
        assert (broken["slice"], broken["checked"]) == ("annotations.capture", 1)
        assert f"Interaction {row.pk} " in broken["first"][0]

    def test_it_cannot_write(self):
        with pytest.raises(InternalError, match="read-only"), at_one_moment():
            Project.objects.update(name="mine")

    def test_what_is_written_meanwhile_is_not_seen(self):
        """Between two of its queries somebody else plants a breach and commits it."""
        row = make_interaction(make_project())

        def spoil():
            sql("UPDATE annotations_interaction SET output = E'\\r' WHERE id = %s", row.pk)
            connection.close()

        found = examine()
        next(found)
        other = threading.Thread(target=spoil)
        other.start()
        other.join()
        assert sum(finding.breaches for _, finding in found) == 0
        assert Interaction.objects.get(pk=row.pk).output == "\r"
        assert sum(finding.breaches for _, finding in examine()) == 1

    def test_nobody_grows_silent_while_it_looks(self):
        job = jobs.enqueue("tests.worlds.nothing", project=make_project())
        Job.objects.filter(pk=job.pk).update(
            state="running", attempt=1, fence=1, started_at=job.enqueued_at, heartbeat_at=job.enqueued_at
        )
        sql("UPDATE labelhub_job SET heartbeat_at = clock_timestamp() - interval '59.5 seconds'")
        found = examine()
        next(found)
        sql("SELECT pg_sleep(1)")
        assert sum(finding.breaches for _, finding in found) == 0


@pytest.mark.django_db
def test_a_million_breaches_would_not_be_kept_in_memory(django_assert_num_queries):
    project = make_project()
    for n in range(LISTED + 1):
        make_interaction(project, output=f"{n}\r")
    everything = Invariant("nothing is captured", of=Interaction.objects.all(), says="Interaction {row.pk} is there.")
    with django_assert_num_queries(2):
        found = look(everything)
    assert (found.checked, found.breaches, len(found.first)) == (LISTED + 1, LISTED + 1, LISTED)
