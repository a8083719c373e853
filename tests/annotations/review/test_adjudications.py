"""Several people say different things of one answer: somebody else chooses, or writes what holds."""

import pytest
from django.db import IntegrityError, transaction

from annotations.review.actions.adjudications import choose, write_final
from annotations.review.actions.approvals import approve, approve_next, send_back
from annotations.review.actions.labels import revise, withdraw
from annotations.review.agreement import compared
from annotations.review.disputes import answers, disputed
from annotations.review.invariants import INVARIANTS
from annotations.review.models import (
    Adjudication,
    Approval,
    FirstApproval,
    Ground,
    Label,
    Overruling,
    Queue,
    ReviewTask,
)
from labelhub.errors import Invalid, NotAllowed, StaleState
from labelhub.invariants import look
from labelhub.notices.models import Notice
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_label, make_member, make_project, make_queue, make_task

pytestmark = pytest.mark.django_db
RIGHT, WRONG = "The lantern costs 39 euros.", "The lantern costs 36 euros."
OWN = {**FLAWED, "rewrite": "It costs 39 euros."}


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR, name="Omar")


@pytest.fixture
def task(project):
    """Three people, three answers."""
    task = make_task(make_queue(project, overlap=3))
    for said in {**FLAWED, "rewrite": RIGHT}, {**FLAWED, "rewrite": WRONG}, {"verdict": "good"}:
        make_label(task, make_member(project), **said)
    task.refresh_from_db()
    return task


def said(task):
    return list(task.labels.order_by("pk"))


def state(task):
    return ReviewTask.objects.get(pk=task.pk).state


def sound():
    return [one.name for one in INVARIANTS if look(one).breaches] == []


def test_a_disagreement_is_listed_for_who_is_no_party_to_it(project, task, moderator):
    assert list(disputed(project, moderator)) == [task]
    agreed = make_task(make_queue(project, overlap=2))
    for _ in range(2):
        make_label(agreed, make_member(project))
    assert list(disputed(project, moderator)) == [task]
    party = make_member(project, Role.MODERATOR)
    other = make_task(make_queue(project, overlap=2))
    make_label(other, party)
    make_label(other, make_member(project), verdict="good")
    assert other in disputed(project, moderator)
    assert other not in disputed(project, party)


def test_side_by_side_they_differ_word_by_word(task):
    one, two, good = answers(task)
    assert [piece.text for piece in one.changes if piece.op != "same"] == ["45", "39"]
    assert [piece.text for piece in two.differs if piece.op != "same"] == ["39", "36"]
    assert one.differs == good.differs == good.changes == []


def test_choosing_one_approves_it_and_decides_against_the_others(project, task, moderator):
    one, two, three = said(task)
    choose(one, by=moderator, reason="The price list of May says so.")
    assert Approval.objects.get().label == one
    assert state(task) == ReviewTask.State.APPROVED
    assert not Label.objects.waiting().exists()
    assert {row.label for row in Overruling.objects.all()} == {two, three}
    assert not disputed(project, moderator).exists()
    assert sound()


def test_all_who_judged_it_learn_the_outcome_with_the_reason(task, moderator):
    one, two, three = said(task)
    choose(one, by=moderator, reason="The price list of May says so.")
    told = {notice.user: notice.text for notice in Notice.objects.all()}
    assert told == {
        one.author: "Your answer was chosen: The price list of May says so.",
        two.author: "Another answer than yours was chosen: The price list of May says so.",
        three.author: "Another answer than yours was chosen: The price list of May says so.",
    }


def test_the_final_answer_of_a_moderator_waits_for_a_third_person(project, task, moderator):
    final = write_final(task, by=moderator, payload=OWN, reason="None says it shortly.").label
    assert final.author == moderator
    assert not Approval.objects.exists()
    assert list(Label.objects.waiting()) == [final]
    assert list(Label.objects.for_approval_by(moderator)) == []
    with pytest.raises(NotAllowed):
        approve(final, by=moderator)
    assert sound()
    approve(final, by=make_member(project, Role.MODERATOR))
    assert Approval.objects.current().get().label.gold == "It costs 39 euros."
    assert state(task) == ReviewTask.State.APPROVED
    assert sound()


def test_one_label_alone_is_edited_and_the_edit_is_approved_by_a_third_person(project, moderator):
    task = make_task(make_queue(project))
    label = make_label(task, make_member(project))
    final = write_final(task, by=moderator, payload=OWN, reason="Shorter.").label
    assert label.overruling.adjudication.label == final
    with pytest.raises(NotAllowed):
        approve(final, by=moderator)
    approve(final, by=make_member(project, Role.MODERATOR))
    assert sound()


def test_a_final_answer_sent_back_or_taken_back_opens_the_disagreement_again(project, task, moderator):
    third = make_member(project, Role.MODERATOR)
    send_back(write_final(task, by=moderator, payload=OWN, reason="Short.").label, by=third, reason="Too short.")
    assert list(disputed(project, moderator)) == [task]
    assert sound()
    back = withdraw(write_final(task, by=moderator, payload=OWN, reason="Short.").label, by=moderator)
    assert back == task
    assert list(disputed(project, moderator)) == [task]
    assert not Adjudication.objects.exists()
    assert sound()
    choose(said(task)[0], by=third, reason="It holds.")
    assert sound()


def test_what_was_chosen_where_two_approve_waits_for_the_second(project, task, moderator):
    Queue.objects.update(approve_twice=Queue.Twice.EVERY)
    one, *others = said(task)
    with pytest.raises(Invalid, match="ground"):
        choose(one, by=moderator, reason="It holds.")
    assert not Adjudication.objects.exists()
    choose(one, by=moderator, reason="It holds.", ground=Ground.CHECKED)
    assert FirstApproval.objects.get().by == moderator
    third = make_member(project, Role.MODERATOR)
    assert list(Label.objects.for_approval_by(third)) == [one]
    send_back(one, by=third, reason="Not so.")
    assert set(Label.objects.waiting()) == set(others)
    assert state(task) == ReviewTask.State.OPEN
    assert sound()


def test_what_was_approved_before_can_be_held_against_what_came_later(project, moderator):
    task = make_task(make_queue(project, overlap=2))
    first = make_label(task, make_member(project))
    approve(first, by=moderator)
    later = make_label(task, make_member(project), verdict="good")
    assert list(disputed(project, moderator)) == [task]
    choose(first, by=moderator, reason="It is still so.")
    assert later.overruling.adjudication.label == first
    assert state(task) == ReviewTask.State.APPROVED
    assert Approval.objects.count() == 1
    assert sound()


def test_nobody_settles_what_they_judged_nor_without_a_reason_nor_twice(project, task, moderator):
    party = make_member(project, Role.MODERATOR)
    other = make_task(make_queue(project, overlap=2))
    mine = make_label(other, party)
    theirs = make_label(other, make_member(project), verdict="good")
    for act in (
        lambda: choose(theirs, by=party, reason="I was wrong."),
        lambda: choose(mine, by=party, reason="I was right."),
        lambda: write_final(other, by=party, payload=OWN, reason="I know."),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotAllowed):
        choose(said(task)[0], by=said(task)[1].author, reason="So it is.")
    with pytest.raises(Invalid, match="Say why"):
        choose(said(task)[0], by=moderator, reason="  ")
    with pytest.raises(Invalid):
        write_final(task, by=moderator, payload={"verdict": "flawed"}, reason="Hm.")
    assert not Adjudication.objects.exists()
    choose(said(task)[0], by=moderator, reason="It holds.")
    with pytest.raises(StaleState):
        choose(said(task)[1], by=make_member(project, Role.MODERATOR), reason="No, this one.")


@pytest.mark.bar("S12")
def test_the_database_refuses_a_party_and_what_was_overruled(project, task, moderator):
    one, two, _ = said(task)
    adjudication = Adjudication.objects.create(task=task, label=one, by=two.author, reason="Mine is worse.")
    with pytest.raises(IntegrityError, match="party_is_no_judge"), transaction.atomic():
        Overruling.objects.create(label=two, adjudication=adjudication)
    adjudication.delete()
    choose(one, by=moderator, reason="It holds.")
    third = make_member(project, Role.MODERATOR)
    with pytest.raises(StaleState):
        approve(two, by=third)
    with pytest.raises(IntegrityError, match="overruled_is_no_truth"), transaction.atomic():
        Approval.objects.create(project=project, label=two, interaction=task.interaction, by=third)


def test_a_task_that_somebody_still_judges_is_not_settled_yet(project, moderator):
    task = make_task(make_queue(project, overlap=3))
    one = make_label(task, make_member(project))
    make_label(task, make_member(project), verdict="good")
    assert not disputed(project, moderator).exists()
    with pytest.raises(StaleState, match="Not everybody"):
        choose(one, by=moderator, reason="Enough.")


def test_an_overruled_author_cannot_take_back_what_they_said_and_a_final_answer_is_not_revised(
    project, task, moderator
):
    final = write_final(task, by=moderator, payload=OWN, reason="Short.").label
    with pytest.raises(StaleState, match="Omar"):
        withdraw(said(task)[0], by=said(task)[0].author)
    approve_next(final, by=make_member(project, Role.MODERATOR))
    with pytest.raises(StaleState, match="settled"):
        revise(final, by=moderator, payload={**OWN, "rewrite": "39 euros."})


def test_a_final_answer_is_no_independent_judgement_to_be_compared(project, task, moderator):
    before = set(compared(project))
    write_final(task, by=moderator, payload=OWN, reason="Short.")
    assert set(compared(project)) == before
