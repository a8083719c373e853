"""Which of two answers is better: shown by lot, without a name, and never mistaken for what is right."""

from typing import Any

import pytest
from django.test import Client

from annotations.review.actions.approvals import approve
from annotations.review.actions.claims import claim_next
from annotations.review.actions.labels import revise, submit, withdraw
from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.actions.queues import create_queue
from annotations.review.actions.work import Work, add_tasks, draw_at_random
from annotations.review.models import Approval, Candidate, Claim, Draft, Label, Queue, ReviewTask
from annotations.review.ranking import disputes
from annotations.review.tasks import draw_a_tenth, rank_what_is_new
from labelhub.errors import Invalid, NotAllowed
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_approval,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
OTHER = "It costs 39 euros, and a battery is in it."


@pytest.fixture
def project() -> Project:
    return make_project(slug="fern")


@pytest.fixture
def moderator(project: Project) -> User:
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def expert(project: Project) -> User:
    return make_member(project)


@pytest.fixture
def queue(project: Project) -> Queue:
    return make_queue(project, slug="pairs", mode="pairwise")


def put(queue: Queue, by: User, text: str = OTHER) -> ReviewTask:
    interaction = make_interaction(queue.project)
    add_pairs(queue, [Pair(interaction.pk, interaction.output, text, "v2")], by=by)
    return ReviewTask.objects.latest("pk")


def chosen(queue: Queue, by: User, **payload: Any) -> Label:
    held = claim_next(queue, by=by)
    assert held
    return submit(held.task, by=by, fence=held.fence, payload={"verdict": "b", **payload})


def test_a_pair_is_put_up_once_and_another_answer_to_the_same_question_beside_it(queue: Queue, moderator: User) -> None:
    interaction = make_interaction(queue.project)
    pairs = [Pair(interaction.pk, interaction.output, text) for text in (OTHER, "39 euros.")]
    assert add_pairs(queue, pairs, by=moderator, reason="v2 against v1") == 2
    assert add_pairs(queue, pairs, by=moderator) == 0
    assert set(ReviewTask.objects.values_list("candidate__text", "reason")) == {
        (OTHER, "v2 against v1"), ("39 euros.", "v2 against v1")
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", " \n", "The lantern costs 45 euros.", "x" * (1024 * 1024 + 1)])
def test_what_leaves_nothing_to_choose_is_no_pair(queue: Queue, moderator: User, text: str) -> None:
    interaction = make_interaction(queue.project)
    with pytest.raises(Invalid):
        add_pairs(queue, [Pair(interaction.pk, interaction.output, text)], by=moderator)
    assert not Candidate.objects.exists()


def test_pairs_go_into_queues_of_pairs_and_answers_into_the_others(
    project: Project, queue: Queue, moderator: User, expert: User
) -> None:
    interaction = make_interaction(project)
    with pytest.raises(Invalid, match="one answer at a time"):
        add_pairs(make_queue(project), [Pair(interaction.pk, interaction.output, OTHER)], by=moderator)
    for act in (
        lambda: add_tasks(queue, [Work(interaction.pk, "?")], by=moderator),
        lambda: draw_at_random(queue, by=moderator, number=1),
    ):
        with pytest.raises(Invalid, match="judges pairs"):
            act()
    with pytest.raises(NotAllowed):
        add_pairs(queue, [Pair(interaction.pk, interaction.output, OTHER)], by=expert)


def test_no_random_tenth_is_drawn_into_a_queue_of_pairs(project: Project, moderator: User) -> None:
    queue = create_queue(project, slug="pairs", name="Pairs", by=moderator, mode="pairwise")
    put(queue, moderator)
    for _ in range(5):
        make_interaction(project)
    draw_a_tenth(project.pk)
    assert ReviewTask.objects.count() == 1


def test_new_pairs_get_their_rank_by_the_follow_up(queue: Queue, moderator: User) -> None:
    task = put(queue, moderator)
    assert task.rank is None
    rank_what_is_new(queue.project_id)
    task.refresh_from_db()
    assert task.rank == 0


def test_the_order_is_drawn_by_lot_once_and_kept_with_the_label(queue: Queue, moderator: User) -> None:
    put(queue, moderator)
    Queue.objects.update(overlap=40)
    drawn = set()
    for _ in range(40):
        held = claim_next(queue, by=(by := make_member(queue.project)))
        assert held
        again = claim_next(queue, by=by)
        assert again
        assert again.swapped == held.swapped
        label = submit(held.task, by=by, fence=held.fence, payload={"verdict": "a"})
        assert label.swapped == held.swapped
        drawn.add(held.swapped)
    assert drawn == {True, False}


def test_a_choice_is_stored_by_what_was_chosen_wherever_it_stood(
    queue: Queue, moderator: User, expert: User, client: Client
) -> None:
    client.force_login(expert)
    for swapped, pick, verdict in (
        (False, "first", "a"),
        (True, "first", "b"),
        (True, "second", "a"),
        (False, "equal", "equal"),
    ):
        put(queue, moderator)
        client.post("/p/fern/q/pairs/claim/")
        Claim.objects.held().update(swapped=swapped)
        held = Claim.objects.held().get()
        page = client.get("/p/fern/q/pairs/").content.decode()
        assert (page.index(OTHER) < page.index("The lantern costs 45 euros.")) == swapped
        form = {"fence": held.fence, "pick": pick, "category": "too-vague", "note": "why"}
        client.post(f"/p/fern/tasks/{held.task_id}/label/", form)
        label = Label.objects.latest("pk")
        assert (label.verdict, label.swapped, label.note) == (verdict, swapped, "why")
        assert label.categories.get().category.slug == "too-vague"


def test_the_page_tells_nothing_of_where_an_answer_comes_from(
    queue: Queue, moderator: User, expert: User, client: Client
) -> None:
    put(queue, moderator)
    client.force_login(expert)
    client.post("/p/fern/q/pairs/claim/")
    page = client.get("/p/fern/q/pairs/").content.decode()
    assert OTHER in page
    for name in ("v2", "starter", "Similar cases", "Better answer"):
        assert name not in page


@pytest.mark.parametrize(
    "payload",
    [{"verdict": "good"}, {"verdict": "flawed"}, {"verdict": ""}, {"rewrite": "x"}, {"root_cause": "model"},
     {"comments": [{"start": 0, "end": 3, "exact": "The", "text": "?"}]}],
)  # fmt: skip
def test_of_a_pair_one_chooses_and_nothing_else(
    queue: Queue, moderator: User, expert: User, payload: dict[str, Any]
) -> None:
    put(queue, moderator)
    with pytest.raises(Invalid):
        chosen(queue, expert, **payload)


def test_of_one_answer_nobody_chooses(project: Project, expert: User) -> None:
    task = make_task(make_queue(project))
    with pytest.raises(Invalid, match="verdict"):
        make_label(task, expert, verdict="a")


def test_an_approved_choice_is_a_preference_and_no_gold_answer(queue: Queue, moderator: User, expert: User) -> None:
    correction = make_approval(queue.project)
    Candidate.objects.create(project=queue.project, interaction=correction.interaction, text=OTHER)
    add_pairs(queue, [Pair(correction.interaction_id, correction.interaction.output, OTHER)], by=moderator)
    label = chosen(queue, expert)
    approval = approve(label, by=moderator)
    assert label.gold == OTHER
    assert list(Approval.objects.current()) == [correction]
    assert list(Approval.objects.preferences()) == [approval]


def test_a_choice_is_taken_back_with_its_words_and_revised_once_it_is_approved(
    queue: Queue, moderator: User, expert: User, client: Client
) -> None:
    put(queue, moderator)
    first = chosen(queue, expert, note="b is shorter", categories=[{"category": "too-vague"}])
    withdraw(first, by=expert)
    assert Draft.objects.get().content["note"] == "b is shorter"
    label = chosen(queue, expert, note="b is shorter")
    approve(label, by=moderator)
    client.force_login(expert)
    Claim.objects.update(swapped=True)
    address = f"/p/fern/labels/{label.pk}/revision/"
    assert "Choose anew" in client.get(address).content.decode()
    client.post(address, {"pick": "second", "note": "no, a"})
    assert Label.objects.latest("pk").verdict == "a"
    assert Label.objects.latest("pk").revises == label
    with pytest.raises(Invalid, match="Nothing is changed"):
        revise(put_and_approve(queue, moderator, expert), by=expert, payload={"verdict": "b"})


def put_and_approve(queue: Queue, moderator: User, expert: User) -> Label:
    put(queue, moderator)
    label = chosen(queue, expert)
    approve(label, by=moderator)
    return label


def test_choices_of_one_pair_are_disputed_among_themselves_only(queue: Queue, moderator: User) -> None:
    Queue.objects.update(overlap=2)
    task = put(queue, moderator)
    make_label(make_task(make_queue(queue.project), task.interaction), make_member(queue.project), **FLAWED)
    chosen(queue, make_member(queue.project))
    assert disputes([task]) == {task.pk: 0}
    chosen(queue, make_member(queue.project), verdict="a")
    assert disputes([task]) == {task.pk: 1}


def test_pairs_are_put_up_served_and_judged_over_the_api(queue: Queue, moderator: User, client: Client) -> None:
    client.force_login(moderator)
    interaction = make_interaction(queue.project)

    def ask(path: str, body: dict[str, Any] | None = None) -> Any:
        return client.post(f"/api/v1/{path}/?project=fern", body, content_type="application/json")

    pair = {"interaction": interaction.external_id, "text": OTHER, "version": "v2", "origin": "model"}
    assert ask("queues/pairs/pairs", {"pairs": [pair]}).json() == {"added": 1}
    task = ask("queues/pairs/claim").json()
    assert {one["is"]: one["text"] for one in task["answers"]} == {"a": interaction.output, "b": OTHER}
    assert "model_version" not in task["interaction"]
    label = ask(f"tasks/{task['task']}/labels", {"fence": task["fence"], "verdict": task["answers"][0]["is"]}).json()
    assert label["verdict"] == ("b" if label["swapped"] else "a")
    assert label["candidate"] == {"text": OTHER, "version": "v2", "origin": "model"}


@pytest.mark.parametrize(
    "pairs",
    [[], "x", [1], [{"interaction": "?", "text": OTHER}], [{"text": OTHER}], [{"interaction": "call", "text": 7}],
     [{"interaction": "call", "text": OTHER, "origin": "elsewhere"}], [{"interaction": "call", "text": ""}]],
)  # fmt: skip
def test_a_body_that_makes_no_pair_is_refused(queue: Queue, moderator: User, client: Client, pairs: Any) -> None:
    make_interaction(queue.project, external_id="call")
    client.force_login(moderator)
    answer = client.post("/api/v1/queues/pairs/pairs/?project=fern", {"pairs": pairs}, content_type="application/json")
    assert answer.status_code == 422
    assert not Candidate.objects.exists()


def test_the_second_person_sees_both_answers_and_which_was_chosen(
    queue: Queue, moderator: User, expert: User, client: Client
) -> None:
    put(queue, moderator)
    label = chosen(queue, expert)
    client.force_login(moderator)
    page = client.get(f"/p/fern/approvals/{label.pk}/").content.decode()
    assert "the other answer is better" in page
    assert OTHER in page
    assert "Approve this choice" in page
    assert "Good as it is" not in client.get("/p/fern/q/pairs/tasks/").content.decode()
