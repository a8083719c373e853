"""Raw payloads lie by month: each month has its partition before its first payload arrives, whoever works meanwhile."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction

from annotations.capture.actions.ingest import ingest_interactions
from annotations.capture.actions.partitions import make_partitions
from labelhub.jobs import sweeper
from labelhub.jobs.models import Job
from labelhub.jobs.tasks import run
from tests.factories import make_project
from tests.planting import sql

FOLLOW_UP = "annotations.capture.tasks.make_room"
IN_MONTHS = "to_char(now() AT TIME ZONE 'UTC' + make_interval(months => %s), 'YYYYMM')"


def partition(months: int) -> str:
    """Of the month in so many months."""
    return f"annotations_rawpayload_{sql(f'SELECT {IN_MONTHS}', months)[0][0]}"


def partitions() -> set[str]:
    rows = sql("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'annotations_rawpayload'::regclass")
    return {name for (name,) in rows}


def drop(*months: int) -> None:
    """As it is on a site that was installed long ago."""
    for one in months:
        sql(f"DROP TABLE IF EXISTS {partition(one)}")


def lies_in(external_id: str) -> str:
    found = sql(
        "SELECT r.tableoid::regclass::text FROM annotations_rawpayload r"
        " JOIN annotations_interaction i ON i.id = r.interaction_id WHERE i.external_id = %s", external_id,
    )  # fmt: skip
    return str(found[0][0])


def capture(project, external_id: str) -> None:
    item = {"external_id": external_id, "messages": [{"role": "user", "content": "Hi"}], "output": "Hello"}
    assert ingest_interactions(project, [{**item, "token_logprobs": [-0.5]}])[0].status == "created"


@pytest.mark.django_db
def test_the_safety_net_makes_the_partitions_of_the_months_to_come():
    make_project()
    drop(1, 2, 3)
    sweeper.wake_everybody()
    run(Job.objects.get(path=FOLLOW_UP).pk)
    assert Job.objects.get(path=FOLLOW_UP).state == Job.State.DONE
    assert partitions() >= {partition(months) for months in range(4)}


@pytest.mark.django_db
def test_payloads_of_a_month_without_a_partition_move_into_it_when_it_is_made():
    project = make_project()
    drop(0)
    capture(project, "now")
    assert lies_in("now") == "annotations_rawpayload_other"
    later, before = "2099-05-31T23:59:59Z", sql("SELECT interaction_id, project_id, body FROM annotations_rawpayload")
    sql(
        f"INSERT INTO annotations_rawpayload SELECT '{later}', interaction_id + 1, project_id, '7' FROM annotations_rawpayload"
    )
    assert make_partitions() == 2
    assert lies_in("now") == partition(0)
    assert sql("SELECT interaction_id, project_id, body FROM annotations_rawpayload ORDER BY 1")[:1] == before
    assert sql("SELECT body FROM annotations_rawpayload_209905") == [("7",)]
    assert sql("SELECT count(*) FROM annotations_rawpayload_other") == [(0,)]
    capture(project, "then")
    assert lies_in("then") == partition(0)
    assert make_partitions() == 0


@pytest.mark.django_db
def test_a_partition_has_the_key_and_the_index_of_the_table():
    drop(1)
    make_partitions()
    indexes = sql("SELECT indisprimary FROM pg_index WHERE indrelid = %s::regclass ORDER BY 1", partition(1))
    assert indexes == [(False,), (True,)]


def in_another(work: Callable[[], object]) -> threading.Thread:
    """A thread with a connection of its own that does `work`."""

    def do() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=do)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
class TestBesideOthers:
    @pytest.fixture(autouse=True)
    def _as_it_was(self) -> Iterator[None]:
        """Django empties only the tables that it manages."""
        sql("TRUNCATE annotations_rawpayload")
        yield
        sql("TRUNCATE annotations_rawpayload")
        make_partitions()

    def test_workers_at_once_make_each_partition_once(self):
        drop(0, 1, 2, 3)
        made: list[int] = []
        start = threading.Barrier(4)
        threads = [in_another(lambda: (start.wait(), made.append(make_partitions()))) for _ in range(4)]
        for thread in threads:
            thread.join()
        assert len(made) == 4
        assert sum(made) == 4

    def test_the_month_to_come_needs_nobody_to_pause(self):
        project = make_project()
        drop(1)
        with transaction.atomic():
            capture(project, "import under way")
            made: list[int] = []
            in_another(lambda: made.append(make_partitions())).join()
            assert made == [1]

    def test_the_present_month_waits_for_a_long_import_for_a_moment_only(self):
        project = make_project()
        drop(0)
        made: list[int] = []
        with transaction.atomic():
            capture(project, "import under way")
            in_another(lambda: made.append(make_partitions())).join()
        made.append(make_partitions())
        assert made == [0, 1]
        assert lies_in("import under way") == partition(0)

    def test_what_is_captured_meanwhile_waits_and_finds_the_new_partition(self):
        project = make_project()
        drop(0)
        with transaction.atomic():
            assert make_partitions() == 1
            writer = in_another(lambda: capture(project, "meanwhile"))
            writer.join(0.3)
            assert writer.is_alive()
        writer.join()
        assert lies_in("meanwhile") == partition(0)
