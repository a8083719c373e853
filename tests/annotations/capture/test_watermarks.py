"""Follow-ups see every row, in whatever order transactions commit."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from annotations.capture.actions import watermarks
from annotations.capture.actions.watermarks import unread
from annotations.capture.models import Interaction
from tests.factories import make_interaction, make_project, make_session

pytestmark = pytest.mark.django_db(transaction=True)
LATE = timedelta(minutes=1)


def read(project) -> list[str]:
    with unread("reader", project, Interaction.objects.filter(project=project)) as rows:
        return [row.external_id for row in rows]


def test_a_row_that_commits_after_a_full_batch_of_later_ones_is_still_read(monkeypatch):
    monkeypatch.setattr(watermarks, "BATCH", 5)
    project = make_project()
    session = make_session(project)
    drawn, others_read = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                make_interaction(project, session=session, external_id="early")
                drawn.set()
                others_read.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    drawn.wait(10)
    for number in range(6):
        make_interaction(project, session=session, external_id=f"late-{number}")
    first = read(project)
    others_read.set()
    thread.join()

    assert first == [f"late-{number}" for number in range(5)]
    assert "early" in read(project)


def test_rows_that_nothing_can_precede_any_more_are_read_once(monkeypatch):
    monkeypatch.setattr(watermarks, "BATCH", 5)
    project = make_project()
    session = make_session(project)
    for number in range(7):
        make_interaction(project, session=session, external_id=f"row-{number}")
    Interaction.objects.update(received_at=Now() - LATE)

    assert [read(project), read(project), read(project)] == [
        [f"row-{number}" for number in range(5)],
        ["row-5", "row-6"],
        [],
    ]


def test_young_rows_are_read_once_by_a_process_and_again_by_one_that_has_not_seen_them(monkeypatch):
    monkeypatch.setattr(watermarks, "BATCH", 5)
    project = make_project()
    session = make_session(project)
    for number in range(7):
        make_interaction(project, session=session, external_id=f"row-{number}")

    assert [len(read(project)), len(read(project)), len(read(project))] == [5, 2, 0]
    watermarks._ahead.clear()
    assert len(read(project)) == 5
