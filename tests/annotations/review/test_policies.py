"""What of the labels is put before a second person, and how many people approve."""

import pytest
from django.db import IntegrityError, connection, transaction

from annotations.review.actions.approvals import approve, approve_all, approve_first, approve_next, send_back
from annotations.review.actions.labels import withdraw
from annotations.review.actions.queues import create_queue, update_queue
from annotations.review.actions.threads import reply, resolve
from annotations.review.actions.work import Work, add_tasks
from annotations.review.invariants import INVARIANTS
from annotations.review.models import Approval, FirstApproval, Ground, Label, Queue, ReviewTask
from annotations.triage.actions.decisions import route
from annotations.triage.models import Flag, Rule
from labelhub.errors import Invalid, NotAllowed, StaleState
from labelhub.invariants import look
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = pytest.mark.django_db
Which, Twice = Queue.Which, Queue.Twice
RIGHT, WRONG = "The lantern costs 39 euros.", "The lantern costs 36 euros."


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderators(project):
    return [make_member(project, Role.MODERATOR) for _ in range(3)]


def judged(queue, *rewrites):
    """A task that as many people judged, each with the better answer given; '' calls it good."""
    task = make_task(queue)
    for rewrite in rewrites:
        said = {**FLAWED, "rewrite": rewrite} if rewrite else {"verdict": "good"}
        make_label(task, make_member(queue.project), **said)
    return task


def asked(moderator):
    return set(Label.objects.for_approval_by(moderator))


def sound():
    return [one.name for one in INVARIANTS if look(one).breaches] == []


def test_by_default_every_label_is_put_before_a_second_person(project, moderators):
    task = judged(make_queue(project), RIGHT)
    assert asked(moderators[0]) == set(task.labels.all())


def test_of_a_share_as_many_are_asked_for_and_a_larger_share_asks_for_these_too(project, moderators):
    queue = make_queue(project, approve_which=Which.SHARE, approve_share=0.3)
    labels = [judged(queue, RIGHT).labels.get() for _ in range(60)]
    drawn = asked(moderators[0])
    assert 3 <= len(drawn) <= 40
    update_queue(queue, by=moderators[0], approve_share=0.7)
    assert drawn <= asked(moderators[0])
    update_queue(queue, by=moderators[0], approve_share=1.0)
    assert asked(moderators[0]) == set(labels)
    update_queue(queue, by=moderators[0], approve_share=0.0)
    assert asked(moderators[0]) == set()


def test_only_on_disagreement_spares_what_people_say_alike(project, moderators):
    queue = make_queue(project, approve_which=Which.DISAGREEMENT, overlap=2)
    judged(queue, RIGHT, "  the lantern COSTS\n39 euros. ")
    differ = judged(queue, RIGHT, WRONG)
    half = judged(queue, "", RIGHT)
    assert asked(moderators[0]) == {*differ.labels.all(), *half.labels.all()}


def test_what_is_spared_is_no_truth_and_can_still_be_approved(project, moderators):
    label = judged(make_queue(project, approve_which=Which.SHARE, approve_share=0.0), RIGHT).labels.get()
    assert not Approval.objects.exists()
    assert label.task.__class__.objects.get().state == ReviewTask.State.SUBMITTED
    approve(label, by=moderators[0])
    assert Approval.objects.current().corrections().count() == 1
    assert sound()


def test_a_queue_that_one_person_judges_knows_no_disagreement(project, moderators):
    with pytest.raises(Invalid, match="overlap"):
        create_queue(project, slug="alone", name="A", by=moderators[0], approve_which=Which.DISAGREEMENT)
    create_queue(project, slug="both", name="B", by=moderators[0], approve_which=Which.DISAGREEMENT, overlap=2)
    for share in -0.1, 1.1, float("nan"):
        with pytest.raises(Invalid, match="from 0 to 1"):
            create_queue(
                project, slug="share", name="S", by=moderators[0], approve_which=Which.SHARE, approve_share=share
            )


def test_two_people_approve_each_with_a_ground(project, moderators):
    label = judged(make_queue(project, approve_twice=Twice.EVERY), RIGHT).labels.get()
    one, two, three = moderators
    with pytest.raises(Invalid, match="ground"):
        approve_next(label, by=one)
    with pytest.raises(StaleState, match="Two people"):
        approve(label, by=one, ground=Ground.CHECKED)
    assert isinstance(approve_next(label, by=one, ground=Ground.CHECKED), FirstApproval)
    assert not Approval.objects.exists()
    assert asked(one) == set()
    assert asked(two) == {label}
    with pytest.raises(NotAllowed, match="first"):
        approve_next(label, by=one, ground=Ground.CHECKED)
    with pytest.raises(NotAllowed):
        approve_next(label, by=label.author, ground=Ground.CHECKED)
    with pytest.raises(StaleState):
        approve_first(label, by=three, ground=Ground.CHECKED)
    assert isinstance(approve_next(label, by=two, ground=Ground.GUIDELINES), Approval)
    assert Approval.objects.get().ground == Ground.GUIDELINES
    assert sound()


@pytest.mark.bar("S12")
def test_the_database_holds_that_two_people_approve(project, moderators):
    label = judged(make_queue(project, approve_twice=Twice.EVERY), RIGHT).labels.get()
    one, two, _ = moderators

    def insert(table, person, **more):
        columns = {"label_id": label.pk, "by_id": person.pk, "ground": "checked", **more}
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(columns.values()))

    whole = {"project_id": project.pk, "interaction_id": label.task.interaction_id, "note": ""}
    with pytest.raises(IntegrityError, match="two_people_approve"):
        insert("annotations_approval", two, **whole)
    with pytest.raises(IntegrityError, match="author_is_not_approver"):
        insert("annotations_firstapproval", label.author)
    insert("annotations_firstapproval", one)
    with pytest.raises(IntegrityError, match="first_approval_stays"), transaction.atomic():
        FirstApproval.objects.update(by=two)
    with pytest.raises(IntegrityError, match="two_people_approve"):
        insert("annotations_approval", one, **whole)
    insert("annotations_approval", two, **whole)


def test_what_a_flag_on_sensitive_content_led_to_needs_two(project, moderators):
    queue = make_queue(project, approve_twice=Twice.SENSITIVE, approve_which=Which.SHARE, approve_share=0.0)
    plain, private = make_interaction(project), make_interaction(project)
    for interaction, kind in (plain, Rule.Kind.THUMB_DOWN), (private, Rule.Kind.PERSONAL_DATA):
        rule = Rule.objects.create(project=project, kind=kind)
        Flag.objects.create(
            project=project,
            session=interaction.session,
            interaction=interaction,
            kind="defect",
            rule=rule,
            evidence="e",
        )
        route(interaction.session, queue=queue, by=moderators[0])
    labels = {task.interaction_id: make_label(task, make_member(project)) for task in queue.reviewtask_set.all()}
    assert asked(moderators[0]) == {labels[private.pk]}, "whatever the policy, sensitive content is looked at"
    assert isinstance(approve_next(labels[plain.pk], by=moderators[0]), Approval)
    assert isinstance(approve_next(labels[private.pk], by=moderators[0], ground=Ground.PERMITTED), FirstApproval)


def test_a_task_that_was_there_before_becomes_sensitive_with_the_flag(project, moderators):
    queue, interaction = make_queue(project), make_interaction(project)
    add_tasks(queue, [Work(interaction.pk, "by hand")], by=moderators[0])
    add_tasks(queue, [Work(interaction.pk, "personal data", sensitive=True)], by=moderators[0])
    assert ReviewTask.objects.get().sensitive


def test_a_thread_that_people_talk_in_blocks_until_it_is_settled(project, moderators):
    queue = make_queue(project, threads_block=True)
    task, author = make_task(queue), make_member(project)
    comment = {"start": 0, "end": 3, "exact": "The", "text": "Which one?"}
    label = make_label(task, author, **{**FLAWED, "rewrite": RIGHT, "comments": [comment]})
    thread = label.comments.get()
    reply(thread, by=moderators[0], text="The large one?")
    with pytest.raises(StaleState, match="threads"):
        approve(label, by=moderators[0])
    resolve(thread, by=author)
    approve(label, by=moderators[0])


def test_many_are_approved_at_once_and_what_is_not_ones_to_approve_is_left_alone(project, moderators):
    queue = make_queue(project, overlap=2)
    labels = list(judged(queue, RIGHT, RIGHT).labels.all())
    own = make_label(make_task(make_queue(project)), moderators[0])
    outcome = approve_all([*labels, own], by=moderators[0])
    assert outcome.approved == 2
    assert len(outcome.refused) == 1
    assert Approval.objects.count() == 2
    assert sound()


def test_agreed_is_what_several_say_alike_once_nobody_judges_it_any_more(project):
    queue = make_queue(project, overlap=2)
    alike, differ, half = judged(queue, RIGHT, RIGHT), judged(queue, RIGHT, WRONG), judged(queue, RIGHT)
    assert set(Label.objects.waiting().agreed()) == set(alike.labels.all())
    assert set(Label.objects.waiting().contested()) == set(differ.labels.all())
    assert half.labels.count() == 1


def test_a_label_approved_first_can_be_sent_back_and_taken_back(project, moderators):
    queue = make_queue(project, approve_twice=Twice.EVERY)
    sent, taken = judged(queue, RIGHT).labels.get(), judged(queue, RIGHT).labels.get()
    for label in sent, taken:
        approve_next(label, by=moderators[0], ground=Ground.KNOWN)
    send_back(sent, by=moderators[1], reason="Too long.")
    withdraw(taken, by=taken.author)
    assert asked(moderators[2]) == set()
    assert sound()
