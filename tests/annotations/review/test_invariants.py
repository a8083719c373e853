"""Each invariant of review finds the breach that is planted for it, and only that one does."""

import pytest

from annotations.review.actions.approvals import approve
from annotations.review.actions.claims import claim, claim_next
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.labels import submit
from annotations.review.invariants import INVARIANTS
from annotations.review.models import Approval, Draft, Label, LabelCategory, SpanComment
from labelhub.errors import StaleState
from labelhub.projects.models import Category, Taxonomy
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_interaction, make_label, make_member, make_queue, make_task
from tests.planting import Planting, again, sql, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


def other_category(world) -> Category:
    taxonomy = Taxonomy.objects.create(project=world.project, version=2)
    return Category.objects.create(taxonomy=taxonomy, slug="rude", name="Rude", position=1)


@plant("an open task has a seat left to fill")
def _(world):
    update(world.waiting.task, state="open")


@plant("a task is reserved when as many people are given it as judge it, and else is for everybody")
def _(world):
    update(world.waiting.task, reserved=True)


@plant("a submitted task has as many judgements as its queue wants")
def _(world):
    queue = make_queue(world.project, overlap=2)
    update(world.waiting.task, queue_id=queue.pk)


@plant("no more people hold a task than seats are left")
def _(world):
    again(world.held, by_id=make_member(world.project).pk)


@plant("a submitted task waits for somebody's decision")
def _(world):
    update(world.approval.label.task, state="submitted")


@plant("an approved task has an approved label")
def _(world):
    update(world.waiting.task, state="approved")


@plant("a closed task is held by nobody")
def _(world):
    update(world.held.task, state="closed")


@plant("a claim that is done has one label that stands")
def _(world):
    again(world.waiting)


@plant("a label that was neither sent back nor taken back stands behind a done claim")
def _(world):
    again(world.returned.label)


@plant("no lease lasts longer than its queue's")
def _(world):
    update(world.held, leased_until="2099-01-01T00:00:00Z")


@plant("only a claim that was given back says why it was skipped")
def _(world):
    update(world.held, skip_reason="too hard")


@plant("a draft is of somebody who claimed its task")
def _(world):
    Draft.objects.create(task=world.waiting.task, by=make_member(world.project), content={})


@plant("the characters that a span comment names stand at its offsets")
def _(world):
    update(SpanComment.objects.get(), exact="46")


@plant("a span comment keeps what stands before and after it")
def _(world):
    update(SpanComment.objects.get(), prefix="")


@plant("only what is flawed has categories or a better answer")
def _(world):
    update(world.good.label, rewrite="Yes, in 6 days.")


@plant("a better answer differs from the answer")
def _(world):
    update(world.waiting, rewrite=world.interactions[3].output)


@plant("a label's categories are of the taxonomy that it is pinned to")
def _(world):
    update(LabelCategory.objects.filter(label=world.waiting).get(), category_id=other_category(world).pk)


@plant("a span comment's category is of the taxonomy that its label is pinned to")
def _(world):
    update(SpanComment.objects.get(), category_id=other_category(world).pk)


@plant("what people wrote in a label ends its lines with a line feed")
def _(world):
    update(world.waiting, note="a\r\nb")


@plant("what people wrote on a span ends its lines with a line feed")
def _(world):
    update(SpanComment.objects.get(), replacement="39\r")


@plant("what a label revises is an approved one of its author on the same task")
def _(world):
    update(world.returned.label, revises_id=world.waiting.pk)


@plant("nobody approved a label of their own")
def _(world):
    update(world.approval, by_id=world.expert.pk)


@plant("an adjudication settles the task of its labels")
def _(world):
    update(world.adjudication, task_id=world.waiting.task_id)


@plant("nobody adjudicated what they had judged")
def _(world):
    update(world.adjudication, by_id=world.adjudication.overruled.get().label.author_id)


@plant("what was overruled is not approved")
def _(world):
    chosen = world.adjudication.label
    approve(chosen, by=make_member(world.project, Role.MODERATOR), ground="checked")
    update(world.adjudication.overruled.get(), label_id=chosen.pk)


@plant("two approvals are by two people, neither of them the author")
def _(world):
    label = world.adjudication.label
    update(label.first_approval, by_id=label.author_id)


@plant("nobody sent back a label of their own")
def _(world):
    update(world.returned, by_id=world.expert.pk)


@plant("an approval is of the answer that its label judges")
def _(world):
    update(world.approval, interaction_id=world.interactions[4].pk)


@plant("a label is approved once, so that an answer has one latest approval")
def _(world):
    again(world.approval)


@plant("a label is approved, sent back or taken back, only one of these")
def _(world):
    again(world.approval, label_id=world.returned.label_id, interaction_id=world.interactions[2].pk)


@plant("a label of a pair chooses, and no other does")
def _(world):
    update(world.good.label, verdict="a")


@plant("a pair is judged in a queue that judges pairs, and of one answer")
def _(world):
    update(world.queue, mode="pairwise")


@plant("an approval of a pair is marked, for it makes no gold answer")
def _(world):
    update(world.good, of_pair=True)


@plant("what became of a suggestion is told by a label of its task")
def _(world):
    update(world.waiting.suggestion_outcomes.get(), label_id=world.corrected.pk)


@plant("nobody decided on what was said of a calibration item")
def _(world):
    row = {"project": world.project, "label": world.calibrated, "interaction": world.calibrated.task.interaction}
    Approval.objects.create(**row, by=world.moderator)


@plant("a calibration item is open or closed, for it waits for nobody")
def _(world):
    update(world.calibrated.task, state="submitted")


@plant("a calibration item has a gold answer")
def _(world):
    update(world.calibrated.task, interaction_id=world.interactions[5].pk)


@plant("what is approved judges something")
def _(world):
    update(world.good.label, verdict="cannot_judge")


@pytest.mark.bar("doctor")
@pytest.mark.bar("3a-19", "3a-20", "3a-28", "R3", "S12")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)


def test_spans_behind_an_emoji_are_counted_in_code_points(world):
    task = make_task(world.queue, make_interaction(world.project, output="\U0001f4a9This is an annotation."))
    span = {"start": 12, "end": 22, "exact": "annotation", "text": "here"}
    make_label(task, world.expert, **FLAWED, comments=[span])
    assert plant.found() == {}


def test_judging_by_two_people_breaks_nothing_on_the_way(world):
    queue = make_queue(world.project, overlap=2)
    task = make_task(queue)
    for person in (world.expert, make_member(world.project)):
        label = make_label(task, person)
        assert plant.found() == {}
        approve(label, by=world.moderator)
        assert plant.found() == {}


@pytest.mark.bar("R3")
def test_who_has_judged_a_task_does_not_get_it_again(world):
    task = make_task(make_queue(world.project, overlap=2))
    make_label(task, world.expert)
    with pytest.raises(StaleState):
        claim(task, by=world.expert)
    assert claim_next(task.queue, by=world.expert) is None
    assert Label.objects.filter(task=task).count() == 1


@pytest.mark.bar("3a-21", "R3")
def test_a_draft_saved_after_the_lease_ended_takes_no_seat_from_who_has_it_now(world):
    task = make_task(make_queue(world.project))
    late = claim(task, by=world.expert)
    sql("UPDATE annotations_claim SET leased_until = now() WHERE id = %s", late.pk)
    other = make_member(world.project)
    now_held = claim(task, by=other)
    save_draft(task, by=world.expert, fence=late.fence, version=0, content={"note": "still typing"})
    assert plant.found() == {}
    assert submit(task, by=other, fence=now_held.fence, payload={"verdict": "good"}).pk
    assert Draft.objects.get(task=task).content == {"note": "still typing"}
