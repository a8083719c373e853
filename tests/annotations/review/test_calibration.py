"""Calibration items: decided cases hidden among the work, judged by everybody, compared with the gold answer."""

import pytest
from django.test import Client

from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.calibration import calibrate_with, stop_calibrating
from annotations.review.actions.claims import claim, claim_next
from annotations.review.actions.labels import submit, withdraw
from annotations.review.actions.queues import update_queue
from annotations.review.invariants import INVARIANTS
from annotations.review.models import CalibrationResult, Label, ReviewTask
from annotations.review.progress import progress
from annotations.review.similar import similar
from labelhub.errors import Conflict, NotAllowed, StaleState
from labelhub.invariants import look
from tests.factories import make_label, make_member, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
VAGUE = {"verdict": "flawed", "categories": [{"category": "too-vague"}]}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def gold(queue, moderator):
    """An approved label: too vague."""
    label = make_label(make_task(queue), by=make_member(queue.project), **VAGUE)
    approve(label, by=moderator)
    return label


@pytest.fixture
def item(gold, moderator, queue):
    """Every second task that somebody takes is a calibration item, as long as there are any."""
    update_queue(queue, by=moderator, calibration_every=2)
    return calibrate_with(gold, by=moderator)


def judged(queue, by, payload=VAGUE):
    """The next task, judged."""
    held = claim_next(queue, by=by)
    return submit(held.task, by=by, fence=held.fence, payload=payload)


def test_one_in_so_many_tasks_is_a_calibration_item_and_each_is_served_once_to_everybody(queue, item):
    for _ in range(6):
        make_task(queue)
    one, other = make_member(queue.project), make_member(queue.project)
    mine = [judged(queue, one).task.calibration for _ in range(4)]
    assert mine == [False, True, False, False]
    assert [judged(queue, other).task.calibration for _ in range(2)] == [False, True]


def test_it_looks_like_any_other_task_of_the_queue(queue, item, gold):
    task = gold.task
    assert (item.reason, item.priority, item.interaction) == (task.reason, task.priority, task.interaction)


def test_several_hold_it_at_once_whatever_the_overlap(queue, item):
    people = [make_member(queue.project) for _ in range(3)]
    assert {claim(item, by=person).task for person in people} == {item}


def test_who_wrote_or_approved_the_gold_answer_is_not_asked(queue, item, gold, moderator):
    for _ in range(4):
        make_task(queue)
    for person in (gold.author, moderator):
        assert not any(judged(queue, person).task.calibration for _ in range(2))


@pytest.mark.parametrize(
    ("payload", "agreement"),
    [
        (VAGUE, 1.0), ({"verdict": "good"}, 0.0),
        ({"verdict": "flawed", "categories": [{"category": "too-vague"}, {"category": "wrong-tone"}]}, 0.5),
    ],
)  # fmt: skip
def test_what_is_said_is_compared_with_the_gold_answer(queue, item, expert, payload, agreement):
    held = claim(item, by=expert)
    label = submit(item, by=expert, fence=held.fence, payload=payload)
    result = CalibrationResult.objects.get()
    assert (result.label, result.gold.label.task.interaction, result.agreement) == (label, item.interaction, agreement)


def test_it_counts_for_nothing_else_and_nobody_decides_on_it(queue, item, expert, moderator):
    held = claim(item, by=expert)
    label = submit(item, by=expert, fence=held.fence, payload=VAGUE)
    item.refresh_from_db()
    assert item.state == "open"
    assert not Label.objects.for_approval_by(moderator).filter(pk=label.pk).exists()
    for decide in (lambda: approve(label, by=moderator), lambda: send_back(label, by=moderator, reason="no")):
        with pytest.raises(StaleState, match="compared with its gold answer"):
            decide()
    assert not [one for one in INVARIANTS if look(one).breaches]


def test_it_is_neither_left_to_do_nor_on_the_list(queue, item, expert, moderator):
    assert progress(queue, expert)["left"] == 0
    assert claim_next(queue, by=expert) is None
    client = Client()
    client.force_login(moderator)
    assert "Nothing is open here" in client.get(f"/p/{queue.project.slug}/q/{queue.slug}/tasks/").content.decode()


def test_a_case_that_calibrates_is_no_similar_case(queue, item, gold):
    assert all(one.approval.label_id != gold.pk for one in similar(make_task(queue)))


def test_only_a_gold_answer_calibrates_and_only_once(queue, gold, item, expert, moderator):
    with pytest.raises(Conflict):
        calibrate_with(gold, by=moderator)
    with pytest.raises(StaleState, match="Only a gold answer"):
        calibrate_with(make_label(make_task(queue), by=expert), by=moderator)
    with pytest.raises(NotAllowed):
        calibrate_with(gold, by=expert)


def test_taken_out_it_is_held_by_nobody_and_can_be_put_in_again(queue, gold, item, expert, moderator):
    held = claim(item, by=expert)
    stop_calibrating(gold, by=moderator)
    with pytest.raises(StaleState):
        submit(item, by=expert, fence=held.fence, payload=VAGUE)
    with pytest.raises(StaleState, match="does not calibrate"):
        stop_calibrating(gold, by=moderator)
    assert calibrate_with(gold, by=moderator).pk == item.pk
    assert ReviewTask.objects.calibration().count() == 1


def test_who_has_seen_the_gold_answer_does_not_take_their_label_back(queue, item, expert, moderator):
    held = claim(item, by=expert)
    label = submit(item, by=expert, fence=held.fence, payload={"verdict": "good"})
    with pytest.raises(StaleState, match="seen the gold answer"):
        withdraw(label, by=expert)
    update_queue(queue, by=moderator, calibration_feedback=False)
    withdraw(label, by=expert)


def submitted(queue, item, expert):
    """The page that comes after a flawed judgement of `item` from the desk."""
    held, client = claim(item, by=expert), Client()
    client.force_login(expert)
    data = {"fence": held.fence, "category": "wrong-tone", "comments": "[]"}
    path = f"/p/{queue.project.slug}/tasks/{item.pk}/label/"
    return client, client.post(path, data, headers=HTMX).content.decode()


def test_the_desk_shows_the_gold_answer_afterwards_and_offers_no_undo(queue, item, expert):
    make_task(queue)
    client, page = submitted(queue, item, expert)
    assert "You and the gold answer agree to 0 %." in page
    assert "Too vague" in page
    assert "/withdrawal/" not in page
    label = CalibrationResult.objects.get().label_id
    assert "gold answer agree to 0 %" in client.get(f"/p/{queue.project.slug}/labels/{label}/").content.decode()
    assert "unlike the gold answer" in client.get(f"/p/{queue.project.slug}/labels/").content.decode()


def test_where_the_project_keeps_it_to_itself_nothing_tells_it_apart(queue, item, expert, moderator):
    update_queue(queue, by=moderator, calibration_feedback=False)
    client, page = submitted(queue, item, expert)
    assert "alibration" not in page
    assert "/withdrawal/" in page
    assert "alibration" not in client.get(f"/p/{queue.project.slug}/labels/").content.decode()


def test_the_page_of_a_gold_answer_puts_it_in_and_takes_it_out(queue, gold, expert, moderator):
    client, path = Client(), f"/p/{queue.project.slug}/labels/{gold.pk}/"
    client.force_login(moderator)
    assert "Calibrate with it" in client.get(path).content.decode()
    assert "Take it out" in client.post(f"{path}calibration/", follow=True).content.decode()
    assert "Calibrate with it" in client.post(f"{path}calibration/", {"stop": "1"}, follow=True).content.decode()
    client.force_login(gold.author)
    assert "Calibrate with it" not in client.get(path).content.decode()


def test_over_the_api_a_calibration_item_looks_like_any_other_until_it_is_judged(queue, gold, expert, moderator):
    client, at = Client(), f"?project={queue.project.slug}"
    client.force_login(moderator)
    assert client.put(f"/api/v1/labels/{gold.pk}/calibration/{at}").status_code == 204
    update_queue(queue, by=moderator, calibration_every=1)
    make_task(queue)
    client.force_login(expert)
    hidden = client.post(f"/api/v1/queues/{queue.slug}/claim/{at}").json()
    path, body = f"/api/v1/tasks/{hidden['task']}/labels/{at}", {"fence": hidden["fence"], "verdict": "good"}
    answer = client.post(path, body, content_type="application/json").json()
    assert answer["calibration"]["agreement"] == 0
    assert answer["calibration"]["gold"]["verdict"] == "flawed"
    other = client.post(f"/api/v1/queues/{queue.slug}/claim/{at}").json()
    assert hidden.keys() == other.keys()
    assert hidden["interaction"].keys() == other["interaction"].keys()
