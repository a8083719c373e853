"""Review over HTTP: what is not text or not a number is refused, and what a page can do the API can."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from annotations.review.models import Claim, Label, Queue, ReviewTask
from annotations.review.progress import progress
from labelhub.projects.rights import Role
from tests.factories import (
    make_approval,
    make_claim,
    make_interaction,
    make_key,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def ask(project, moderator):
    """ask(method, path, body): as the moderator."""
    client = Client()
    client.force_login(moderator)

    def send(method, path, body=None):
        mark = "&" if "?" in path else "?"
        return getattr(client, method)(
            f"/api/v1/{path}{mark}project={project.slug}", body, content_type="application/json"
        )

    return send


def test_a_queue_is_made_with_its_overlap_lease_and_reviewers(project, ask):
    expert = make_member(project)
    body = {"slug": "refunds", "overlap": 3, "lease_minutes": 20, "reviewers": [expert.email.upper()], "order": "novel"}
    answer = ask("post", "queues/", body)
    assert (answer.status_code, answer.json()["overlap"], answer.json()["name"]) == (201, 3, "refunds")
    queue = Queue.objects.get()
    assert (queue.overlap, queue.lease_minutes, list(queue.reviewers.all())) == (3, 20, [expert])
    assert (queue.order, queue.random_tenth, queue.assignment) == ("novel", True, "pull")


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"slug": None}, "slug"), ({"slug": 7}, "slug"), ({"name": ["x"]}, "name"), ({"instructions": 7}, "instructions"),
        ({"overlap": 0}, "overlap"), ({"overlap": 11}, "overlap"), ({"overlap": "2"}, "overlap"), ({"overlap": True}, "overlap"),
        ({"overlap": 1.5}, "overlap"), ({"lease_minutes": 0}, "lease_minutes"), ({"reviewers": "all"}, "reviewers"),
        ({"order": "whim"}, "order"), ({"assignment": "dice"}, "assignment"), ({"random_tenth": "yes"}, "random_tenth"), ({"random_tenth": 1}, "random_tenth"),
        ({"reviewers": ["nobody@example.org"]}, "reviewers"), ({"reviewers": [7]}, "reviewers"),
    ],
)  # fmt: skip
def test_a_queue_that_cannot_be_is_refused_with_its_field(ask, over, field):
    answer = ask("post", "queues/", {"slug": "refunds", **over})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not Queue.objects.exists()


def test_a_queue_that_there_is_already_is_a_conflict(project, ask):
    make_queue(project, slug="refunds")
    assert ask("post", "queues/", {"slug": "refunds"}).status_code == 409


@pytest.mark.parametrize("reason", [7, ["x"], "x" * 301])
def test_work_is_put_in_with_a_reason_in_words(project, ask, reason):
    queue, interaction = make_queue(project), make_interaction(project)
    path, ids = f"queues/{queue.slug}/tasks/", [interaction.external_id]
    assert ask("post", path, {"interactions": ids, "reason": reason}).status_code == 422
    assert ask("post", path, {"interactions": ids, "reason": None}).json() == {"added": 1}
    assert ReviewTask.objects.get().reason == "put in by hand"


@pytest.mark.parametrize("number", [True, "3", 0, 10_001, None, 2**40])
def test_a_random_draw_is_a_whole_number(project, ask, number):
    assert ask("post", f"queues/{make_queue(project).slug}/tasks/", {"random": number}).status_code == 422


def test_a_note_or_reason_that_is_null_is_none(project, ask):
    labels = [make_label(make_task(make_queue(project)), make_member(project)) for _ in range(2)]
    assert ask("post", f"labels/{labels[0].pk}/return/", {"reason": None}).status_code == 422
    assert ask("post", f"labels/{labels[0].pk}/return/", {"reason": ["x"]}).status_code == 422
    assert ask("post", f"labels/{labels[0].pk}/approval/", {"note": {"a": 1}}).status_code == 422
    assert ask("post", f"labels/{labels[0].pk}/approval/", {"note": None}).status_code == 201
    assert Label.objects.get(pk=labels[0].pk).approval.note == ""


def test_the_list_of_labels_knows_one_state(project, ask):
    approved = make_approval(project).label
    waiting = make_label(make_task(make_queue(project)), make_member(project))
    assert [item["id"] for item in ask("get", "labels/").json()["items"]] == [approved.pk, waiting.pk]
    assert [item["id"] for item in ask("get", "labels/?state=waiting").json()["items"]] == [waiting.pk]
    for state in ("bogus", "approved", ""):
        assert ask("get", f"labels/?state={state}").status_code == 422, state


@pytest.mark.parametrize("after", ["²", "٣x", "-1", "1.0", "x", "9" * 30])
def test_the_list_goes_on_after_an_id(ask, after):
    assert ask("get", f"labels/?after={after}").status_code == 422


@pytest.mark.usefixtures("hashed_static")
def test_a_draft_in_any_shape_does_not_break_the_desk(project, moderator, ask):
    task = make_task(make_queue(project))
    fence = make_claim(task, moderator).fence
    content = {"categories": [{"category": []}, {"category": {}, "severity": []}], "comments": [{"category": []}]}
    assert ask("put", f"tasks/{task.pk}/draft/", {"fence": fence, "version": 0, "content": content}).status_code == 200
    client = Client()
    client.force_login(moderator)
    assert client.get(f"/p/{project.slug}/q/{task.queue.slug}/").status_code == 200
    again = {"fence": fence, "version": True, "content": content}
    assert ask("put", f"tasks/{task.pk}/draft/", again).status_code == 422


def test_a_late_release_leaves_a_claim_taken_anew(project, moderator, ask):
    task = make_task(make_queue(project))
    first = make_claim(task, moderator)
    path = f"tasks/{task.pk}/claim/"
    assert ask("delete", f"{path}?fence={first.fence}").status_code == 204
    assert Claim.objects.get().state == Claim.State.RELEASED
    make_claim(task, moderator)
    assert ask("delete", f"{path}?fence={first.fence}").status_code == 204
    assert Claim.objects.get().state == Claim.State.HELD
    assert ask("delete", f"{path}?fence=²").status_code == 422
    assert ask("delete", path).status_code == 204
    assert Claim.objects.get().state == Claim.State.RELEASED


@pytest.mark.parametrize("reason", [7, ["x"], "x" * 301])
def test_a_skip_says_why_in_words(project, moderator, ask, reason):
    task = make_task(make_queue(project))
    make_claim(task, moderator)
    assert ask("patch", f"tasks/{task.pk}/claim/", {"skip": reason}).status_code == 422
    assert ask("patch", f"tasks/{task.pk}/claim/", {"skip": None}).status_code == 204
    assert Claim.objects.get().skip_reason == "skipped"


def test_a_skip_may_name_the_claim_that_it_means(project, moderator, ask):
    task = make_task(make_queue(project))
    first, path = make_claim(task, moderator), f"tasks/{task.pk}/claim/"
    ask("delete", path)
    again = make_claim(task, moderator)
    assert ask("patch", path, {"skip": "old", "fence": first.fence}).status_code == 409
    assert ask("patch", path, {"skip": "old", "fence": "1"}).json()["field"] == "fence"
    assert Claim.objects.get().state == Claim.State.HELD
    assert ask("patch", path, {"skip": "new", "fence": again.fence}).status_code == 204
    assert Claim.objects.get().skip_reason == "new"


def test_what_is_judged_is_not_skipped(project, moderator, ask):
    task = make_task(make_queue(project))
    make_label(task, moderator)
    answer = ask("patch", f"tasks/{task.pk}/claim/", {"skip": "late"})
    assert (answer.status_code, answer.json()["detail"][:36]) == (409, "You do not hold this task any more: ")


def test_what_is_missing_or_too_small_is_called_so(project, moderator, ask):
    assert ask("post", "queues/", {"slug": "refunds", "name": "   "}).json()["detail"] == "name is missing."
    path = f"queues/{make_queue(project).slug}/tasks/"
    assert ask("post", path, {"random": -1}).json()["detail"] == "random must be a whole number, at least 0."
    assert ask("get", "labels/?after=-1").json()["detail"] == "after must be a whole number, at least 0."


def test_a_time_zone_that_there_is_not_counts_as_utc(project, ask):
    expert = make_member(project, time_zone="Mars/Olympus")
    make_queue(project)
    assert progress(Queue.objects.get(), expert)["done_today"] == 0


def test_today_begins_at_the_persons_own_midnight_through_a_key_too(project):
    zone = ZoneInfo("Pacific/Kiritimati")  # 14 hours ahead: a label of yesterday there may be of today in UTC
    expert = make_member(project, time_zone=str(zone))
    queue = make_queue(project)
    key = make_key(project, "label", person=expert)
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for at in (midnight - timedelta(minutes=1), midnight + timedelta(minutes=1)):
        label = make_label(make_task(queue), expert)
        Label.objects.filter(pk=label.pk).update(created_at=at.astimezone(UTC))
    answer = Client().get("/api/v1/queues/", headers={"Authorization": f"Bearer {key}"})
    assert answer.json()["items"][0]["done_today"] == progress(queue, expert)["done_today"] == 1


def test_tasks_are_given_to_people_by_address_and_to_everybody_again(project, ask):
    expert, queue = make_member(project), make_queue(project)
    tasks, path = [make_task(queue).pk for _ in range(2)], f"queues/{queue.slug}/assignments/"
    answer = ask("put", path, {"tasks": tasks, "to": [expert.email.upper()]})
    assert (answer.status_code, answer.json()) == (200, {"moved": 2})
    assert list(ReviewTask.objects.filter(reserved=True, assignments__to=expert)) == list(ReviewTask.objects.all())
    assert ask("put", path, {"tasks": tasks, "to": []}).json() == {"moved": 2}
    assert not ReviewTask.objects.filter(reserved=True).exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"tasks": [], "to": []}, 422), ({"tasks": ["7"], "to": []}, 422), ({"tasks": [True], "to": []}, 422),
        ({"tasks": [2**70], "to": []}, 422), ({"tasks": [10**12], "to": []}, 404), ({"tasks": [1] * 1001, "to": []}, 422),
        ({"tasks": [1], "to": ["nobody@example.org"]}, 422), ({"tasks": [1], "to": "everybody"}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_given_out_is_refused(project, ask, body, status):
    assert ask("put", f"queues/{make_queue(project).slug}/assignments/", body).status_code == status


def test_a_task_is_put_off_with_a_moment_that_has_an_offset(project, ask, moderator):
    held = make_claim(make_task(make_queue(project)), moderator)
    path, until = f"tasks/{held.task_id}/claim/", datetime.now(UTC) + timedelta(hours=3)
    for wrong in ("soon", 7, until.replace(tzinfo=None).isoformat()):
        assert ask("patch", path, {"snooze": wrong}).json()["field"] == "snooze"
    assert ask("patch", path, {"snooze": until.isoformat()}).status_code == 204
    held.refresh_from_db()
    assert (held.state, held.snoozed_until) == ("released", until)
