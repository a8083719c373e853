"""In which order a queue serves: what is urgent, old, uncertain, new to us or disputed comes first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.review.actions.approvals import approve
from annotations.review.actions.queues import create_queue, update_queue
from annotations.review.actions.work import Work, add_tasks
from annotations.review.models import Queue, ReviewTask
from annotations.review.ranking import disagreement
from labelhub.errors import Invalid
from tests.factories import FLAWED, make_interaction, make_label, make_member, make_queue, make_task, make_vector

pytestmark = pytest.mark.django_db


def served(queue):
    """External ids in the order in which one would get them."""
    return list(
        ReviewTask.objects.open().filter(queue=queue).in_order().values_list("interaction__external_id", flat=True)
    )


def ask(project, name, **over):
    return make_interaction(project, external_id=name, **over)


def turned(degrees):
    """A vector [384] so many degrees away from the first axis."""
    vector = np.zeros(384, np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


def put(queue, moderator, *interactions, priority=0):
    return add_tasks(queue, [Work(one.pk, "look", priority) for one in interactions], by=moderator)


def ordered(queue, moderator, order):
    update_queue(queue, by=moderator, order=order)
    queue.refresh_from_db()


def test_the_most_urgent_first_or_the_oldest(queue, moderator):
    project, by_age = queue.project, make_queue(queue.project, order="oldest")
    low, high = ask(project, "low"), ask(project, "high")
    for one in (queue, by_age):
        put(one, moderator, low, priority=1)
        put(one, moderator, high, priority=9)
    assert (served(queue), served(by_age)) == (["high", "low"], ["low", "high"])


def test_what_the_model_was_least_sure_of_first(queue, moderator):
    project, queue = queue.project, make_queue(queue.project, order="uncertain")
    sure, unsure = ask(project, "sure", confidence=0.9), ask(project, "unsure", confidence=0.2)
    unlikely, no_word = (
        ask(project, "unlikely", confidence=None, mean_logprob=-3000.0),
        ask(project, "no word", confidence=None),
    )
    put(queue, moderator, sure, unsure, unlikely, no_word)
    assert served(queue) == ["unlikely", "unsure", "sure", "no word"]


def test_what_is_least_like_anything_decided_first_also_after_the_next_decision(queue, moderator, run_jobs):
    project, by_novelty = queue.project, make_queue(queue.project, order="novel")
    near, far, no_vector = ask(project, "near"), ask(project, "far"), ask(project, "no vector")
    make_vector(near, turned(20))
    make_vector(far, turned(80))
    decided(queue, moderator, turned(0))
    put(by_novelty, moderator, near, far, no_vector)
    run_jobs()
    assert served(by_novelty) == ["no vector", "far", "near"]
    decided(queue, moderator, turned(85))
    run_jobs()
    assert served(by_novelty) == ["no vector", "near", "far"]


def decided(queue, moderator, vector):
    interaction = make_interaction(queue.project)
    make_vector(interaction, vector)
    return approve(make_label(make_task(queue, interaction), make_member(queue.project)), by=moderator)


def test_what_people_disagree_on_most_first_also_after_the_next_label(queue, moderator, run_jobs):
    project, by_dispute = queue.project, make_queue(queue.project, order="disagreed", overlap=3)
    agreed, disputed = ask(project, "agreed"), ask(project, "disputed")
    put(by_dispute, moderator, agreed, disputed)
    run_jobs()
    first, second = make_member(project), make_member(project)
    for one in (agreed, disputed):
        make_label(ReviewTask.objects.get(queue=by_dispute, interaction=one), first, **FLAWED)
    make_label(ReviewTask.objects.get(queue=by_dispute, interaction=disputed), second, verdict="good")
    run_jobs()
    assert served(by_dispute) == ["disputed", "agreed"]
    elsewhere = [make_task(queue, agreed), make_task(make_queue(project), agreed)]
    for task, verdict in zip(elsewhere, ({"verdict": "good"}, {"verdict": "cannot_judge"}), strict=True):
        make_label(task, make_member(project), **verdict)
    run_jobs()
    assert [
        round(rank, 2)
        for rank in ReviewTask.objects.filter(queue=by_dispute).order_by("pk").values_list("rank", flat=True)
    ] == [1, 1]


def test_a_changed_order_holds_for_what_waits_already(queue, moderator, run_jobs):
    project = queue.project
    put(queue, moderator, ask(project, "sure", confidence=0.9), priority=9)
    put(queue, moderator, ask(project, "unsure", confidence=0.2))
    for order, expected in [
        ("uncertain", ["unsure", "sure"]),
        ("oldest", ["sure", "unsure"]),
        ("novel", ["sure", "unsure"]),
        ("priority", ["sure", "unsure"]),
    ]:
        ordered(queue, moderator, order)
        run_jobs()
        assert served(queue) == expected, order
    assert not ReviewTask.objects.filter(rank=None).exists()


def test_many_tasks_are_ranked_batch_by_batch(queue, moderator, run_jobs, monkeypatch):
    monkeypatch.setattr("annotations.review.actions.ranks.MANY", 2)
    put(queue, moderator, *(ask(queue.project, f"{n}", confidence=n / 10) for n in range(5)), priority=1)
    ordered(queue, moderator, "uncertain")
    assert run_jobs() == 3
    assert served(queue) == ["0", "1", "2", "3", "4"]


def test_without_a_worker_what_is_not_ranked_yet_is_served_last_and_not_forgotten(queue, moderator):
    by_novelty = make_queue(queue.project, order="novel")
    make_task(by_novelty, ask(queue.project, "ranked"), rank=0.1)
    put(by_novelty, moderator, ask(queue.project, "new"))
    assert served(by_novelty) == ["ranked", "new"]


def test_an_order_that_there_is_not_is_refused(queue, moderator):
    with pytest.raises(Invalid, match="order must be one of priority, oldest"):
        ordered(queue, moderator, "whim")
    with pytest.raises(Invalid):
        create_queue(queue.project, slug="a", name="A", by=moderator, order="whim")
    assert Queue.objects.count() == 1


JUDGEMENTS = st.lists(
    st.tuples(st.sampled_from(["good", "flawed"]), st.frozensets(st.sampled_from("abc"), max_size=3)), max_size=6
)


@given(said=JUDGEMENTS)
def test_disagreement_is_a_share_and_none_where_all_say_the_same(said):
    assert 0 <= disagreement(said) <= 1
    assert disagreement(said[:1] * len(said)) == 0
    assert disagreement(said) == pytest.approx(disagreement(said[::-1]))


def test_disagreement_of_verdicts_is_whole_of_categories_in_part():
    one, two = ("flawed", frozenset("a")), ("flawed", frozenset("ab"))
    assert disagreement([one, two]) == 0.5
    assert disagreement([one, ("good", frozenset())]) == 1
    assert disagreement([one, one, two]) == pytest.approx(1 / 3)
