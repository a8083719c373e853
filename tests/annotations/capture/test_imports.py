"""Files of past traffic beside live traffic: all of it or nothing, seen by every follow-up, in nobody's way."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection

from annotations.capture.actions import imports, watermarks
from annotations.capture.actions.imports import import_interactions
from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.models import Feedback, ImportJob, Interaction, Watermark
from annotations.recall.models import Embedding
from annotations.triage.models import Flag
from labelhub.jobs.models import Job
from tests.factories import make_feedback, make_interaction, make_project

pytestmark = pytest.mark.django_db
MAPPING = {"external_id": "id", "prompt": "q", "output": "a", "thumb": "good"}
FOLLOW_UPS = ("embed_captured", "flag_captured", "flag_reactions")


@pytest.fixture
def project():
    return make_project()


def write(path, *lines):
    file = path / "past.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def line(n, **over):
    return {"id": f"past-{n}", "q": f"Question {n}?", "a": f"Answer {n}.", "good": False, **over}


def item(external_id):
    return {"external_id": external_id, "messages": [{"role": "user", "content": "Hi"}], "output": "Hello."}


def elsewhere(work):
    """Do `work` on a connection of its own that waits for nobody's lock; what went wrong, if anything."""
    failures = []

    def run():
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '500ms'")
            work()
        except Exception as error:  # the thread would swallow it
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return failures


@pytest.mark.django_db(transaction=True)
def test_live_traffic_is_stored_while_an_import_is_still_open(project, tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "BATCH", 2)
    failures = []

    def live(seen):
        def post():
            thumb = {"external_id": f"thumb-{seen}", "interaction": f"live-{seen}", "kind": "thumb", "value": 1}
            assert ingest_interactions(project, [item(f"live-{seen}")])[0].status == "created"
            assert ingest_feedback(project, [thumb])[0].status == "created"

        failures.extend(elsewhere(post))

    job = import_interactions(project, write(tmp_path, *map(line, range(5))), MAPPING, progress=live)
    assert failures == []
    assert (job.state, job.created) == (ImportJob.State.DONE, 5)
    assert Interaction.objects.filter(external_id__startswith="live-").count() == 3


@pytest.mark.django_db(transaction=True)
def test_an_import_wakes_each_follow_up_once_at_its_end(project, tmp_path, run_jobs, monkeypatch):
    monkeypatch.setattr("labelhub.llm.client.embed", lambda texts: [[1] + [0] * 383] * len(texts))
    monkeypatch.setattr(imports, "BATCH", 2)
    queued = []
    file = write(tmp_path, *map(line, range(4)))
    import_interactions(project, file, MAPPING, progress=lambda _: queued.append(Job.objects.queued().count()))
    assert queued[-1] == 0
    assert {job.path.rpartition(".")[2] for job in Job.objects.queued()} == set(FOLLOW_UPS)
    run_jobs()
    assert (Flag.objects.count(), Embedding.objects.ready().count()) == (4, 4)
    import_interactions(project, file, MAPPING)
    assert not Job.objects.queued().exists()


@pytest.mark.django_db(transaction=True)
def test_rows_of_a_long_import_are_read_though_the_watermarks_have_passed_their_ids(
    project, tmp_path, run_jobs, monkeypatch
):
    monkeypatch.setattr("labelhub.llm.client.embed", lambda texts: [[1] + [0] * 383] * len(texts))
    monkeypatch.setattr(imports, "BATCH", 2)
    for name in ("OPEN_FOR", "DRAWING"):  # as if the import took longer than anybody waits for it
        monkeypatch.setattr(watermarks, name, timedelta(0))

    def live(seen):
        def post():
            ingest_interactions(project, [item(f"live-{seen}")])
            ingest_feedback(
                project, [{"external_id": f"c-{seen}", "interaction": f"live-{seen}", "kind": "dwell", "value": 1}]
            )
            run_jobs()

        assert elsewhere(post) == []

    import_interactions(project, write(tmp_path, *map(line, range(4))), MAPPING, progress=live)
    run_jobs()
    past = Interaction.objects.filter(external_id__startswith="past-")
    assert Embedding.objects.filter(object_id__in=past.values("pk")).count() == 4
    assert Flag.objects.filter(interaction__in=past).count() == 4


def test_each_follow_up_reads_again_from_the_first_new_row_of_its_own_table(project, tmp_path):
    known = make_interaction(project)
    for _ in range(30):  # so that ids of feedback run ahead of those of interactions
        make_feedback(known)
    file = write(tmp_path, line(1), line(2))
    import_interactions(project, write(tmp_path, line(1)), MAPPING)
    for name in FOLLOW_UPS:
        Watermark.objects.create(follow_up=name, project=project, position=10**6)
    import_interactions(project, write(tmp_path, line(1), line(2)), MAPPING)
    call, sign = Interaction.objects.get(external_id="past-2"), Feedback.objects.get(external_id="past-2#thumb")
    positions = dict(Watermark.objects.values_list("follow_up", "position"))
    assert positions == {
        "embed_captured": call.pk - 1,
        "flag_captured": call.pk - 1,
        "flag_reactions": sign.pk - 1,
    }
    import_interactions(project, file, MAPPING)
    assert dict(Watermark.objects.values_list("follow_up", "position")) == positions


@pytest.mark.parametrize("failure", [OSError("The disk is gone."), KeyboardInterrupt(), ZeroDivisionError("a\x00b")])
def test_an_import_that_breaks_off_says_so_and_leaves_nothing(project, tmp_path, failure):
    def break_off(_seen):
        raise failure

    with pytest.raises(type(failure)):
        import_interactions(project, write(tmp_path, line(1)), MAPPING, progress=break_off)
    job = ImportJob.objects.get()
    assert (job.state, job.finished_at is None) == (ImportJob.State.FAILED, False)
    assert job.rejects[0]["line"] == 0
    assert type(failure).__name__ in job.rejects[0]["error"]
    assert not Interaction.objects.exists()


def test_an_import_whose_last_act_fails_is_not_done(project, tmp_path, monkeypatch):
    def refuse(*_):
        raise RuntimeError("nobody can be woken")

    monkeypatch.setattr("labelhub.jobs.actions.wake", refuse)
    with pytest.raises(RuntimeError):
        import_interactions(project, write(tmp_path, line(1)), MAPPING)
    assert ImportJob.objects.get().state == ImportJob.State.FAILED
    assert not Interaction.objects.exists()


def test_refused_lines_are_counted_all_and_listed_up_to_a_thousand(project, tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "KEPT_REJECTS", 3)
    job = import_interactions(project, write(tmp_path, line(0), *({"q": n} for n in range(5))), MAPPING)
    assert (job.state, job.lines) == (ImportJob.State.FAILED, 6)
    assert job.rejects[0] == {"line": 0, "error": "5 of 6 lines were refused: nothing was imported."}
    assert [reject["line"] for reject in job.rejects[1:]] == [2, 3, 4]
    assert not Interaction.objects.exists()
