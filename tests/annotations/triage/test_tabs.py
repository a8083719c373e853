"""What stands under which tab of the board, in what order, and acts on many at once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotations.review.models import ReviewTask
from annotations.triage.actions.decisions import dismiss, escalate, route, take, undo
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.board import TABS, counts, on_board
from annotations.triage.models import Decision, Flag, Take
from annotations.triage.views.listed import due_words
from labelhub.errors import Invalid, NotAllowed, StaleState
from labelhub.notices.models import Notice
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_label, make_member, make_project, make_queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR, name="Omar")


@pytest.fixture
def browser(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def flagged(project, kind="thumb_down", *, hours=0.0, flags=1):
    rules = rules_of(project)
    first = next(rule for rule in rules if rule.kind == kind)
    others = [rule for rule in rules if rule.severity == first.severity and rule != first and kind != "copied"]
    interaction = make_interaction(project, prompt=f"{kind} {hours} {flags}")
    raise_flags(project, [(rule, interaction, str(rule)) for rule in [first, *others][:flags]])
    Flag.objects.filter(interaction=interaction).update(at=timezone.now() - timedelta(hours=hours))
    return interaction.session


def shown(project, tab="open", user=None):
    return list(on_board(project, tab, user))


def test_what_is_due_first_stands_first(project):
    minor = flagged(project, "abandoned", hours=1)  # due in 23 h
    misleads = flagged(project, "thumb_down", hours=1)  # in 7 h
    harmful = flagged(project, "suggested")  # in 1 h
    forgotten = flagged(project, "abandoned", hours=24.5)  # half an hour ago
    repeated = flagged(project, "thumb_down", hours=1, flags=2)  # in 3 h
    praised = flagged(project, "copied", hours=100)
    assert shown(project) == [forgotten, harmful, repeated, misleads, minor, praised]
    assert shown(project, "due") == [forgotten, harmful, repeated]
    assert shown(project, "exemplars") == [praised]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(38, "due 38 min"), (-5, "overdue 5 min"), (100, "due 2 h"), (-60 * 30, "overdue 30 h"), (60 * 72, "due 3 days")],
)
def test_when_it_is_due_is_said_in_one_unit(minutes, words):
    now = timezone.now()
    assert due_words(now + timedelta(minutes=minutes), now) == words


def test_who_takes_a_session_has_it_until_they_give_it_back_or_another_takes_it(project, moderator):
    session, other = flagged(project), make_member(project, Role.MODERATOR)
    assert take(session, by=moderator)
    assert shown(project, "mine", moderator) == [session]
    assert take(session, by=other)
    assert (shown(project, "mine", moderator), shown(project, "mine", other)) == ([], [session])
    assert not take(session, by=other)
    assert not Take.objects.exists()
    with pytest.raises(NotAllowed):
        take(session, by=make_member(project))


def test_what_is_escalated_stays_open_and_every_admin_is_told(project, moderator):
    session, admin = flagged(project), make_member(project, Role.ADMIN)
    with pytest.raises(Invalid, match="Say what an admin"):
        escalate(session, by=moderator, reason=" ")
    decision = escalate(session, by=moderator, reason="Is it a recall?")
    assert shown(project, "escalated") == shown(project) == [session]
    assert Notice.objects.get(user=admin).text == "A session waits for you: Is it a recall?"
    with pytest.raises(StaleState, match="Omar has asked the admins already"):
        escalate(session, by=admin, reason="Me too.")
    undo(decision, by=moderator)
    assert shown(project, "escalated") == []
    escalate(session, by=moderator, reason="Is it?")
    dismiss(session, by=admin, reason="No.")
    assert shown(project) == []


def test_what_is_sent_waits_for_the_expert_and_what_is_done_is_resolved(project, moderator):
    sent, gone = flagged(project), flagged(project)
    route(sent, queue=make_queue(project), by=moderator)
    dismiss(gone, by=moderator, reason="fine")
    assert (shown(project, "expert"), shown(project, "resolved")) == ([sent], [gone])
    make_label(ReviewTask.objects.get(), make_member(project), verdict="good")
    assert (shown(project, "expert"), set(shown(project, "resolved"))) == ([], {sent, gone})


def test_counts_are_what_the_tabs_show(project, moderator):
    sessions = [
        flagged(project, kind, hours=n) for n, kind in enumerate(["copied", "thumb_down", "abandoned", "suggested"])
    ]
    take(sessions[1], by=moderator)
    escalate(sessions[2], by=moderator, reason="Look.")
    found = counts(project, moderator)
    assert found == {tab: len(shown(project, tab, moderator)) for tab in found}
    assert set(found.values()) >= {4, 1}


def test_every_tab_is_shown_by_one_number_of_queries_and_an_unknown_one_is_the_first(project, moderator, browser):
    seen = {}
    for _ in range(2):
        take(flagged(project), by=moderator)
        route(flagged(project), queue=make_queue(project), by=moderator)
        dismiss(flagged(project), by=moderator, reason="fine")
        flagged(project, "copied")
        escalate(flagged(project), by=moderator, reason="Look.")
        for tab in [*TABS, "' OR 1=1"]:
            with CaptureQueriesContext(connection) as queries:
                answer = browser.get(f"/p/{project.slug}/triage/", {"tab": tab})
            assert answer.status_code == 200
            assert seen.setdefault(tab, len(queries)) == len(queries), tab


def test_many_are_dismissed_at_once_and_taken_back_in_one_step(project, moderator, browser):
    sessions = [flagged(project) for _ in range(5)]
    other = flagged(project)
    dismiss(sessions[4], by=make_member(project, Role.MODERATOR), reason="mine")
    address = f"/p/{project.slug}/triage/{sessions[0].pk}/dismissal/"
    form = {"session": [one.pk for one in sessions], "reason": "test traffic"}
    answer = browser.post(address, form, headers={"HX-Request": "true"}).content.decode()
    assert "4 dismissed." in answer
    assert "1 left alone: Somebody decided on this session before you." in answer
    assert shown(project) == [other]
    back = f"/p/{project.slug}/decisions/undo/?" + "&".join(
        f"decision={one.pk}" for one in Decision.objects.filter(by=moderator)
    )
    assert back.replace("&", "&amp;") in answer
    assert browser.post(back).status_code == 302
    assert len(shown(project)) == 5


def test_many_are_sent_at_once_and_strangers_sessions_are_left_out(project, moderator, browser):
    queue, foreign = make_queue(project), flagged(make_project())
    sessions = [flagged(project) for _ in range(3)]
    address = f"/p/{project.slug}/triage/{sessions[0].pk}/route/"
    form = {"session": [foreign.pk, *(one.pk for one in sessions)], "queue": queue.slug, "reason": "Prices?"}
    assert browser.post(address, form).status_code == 302
    assert ReviewTask.objects.filter(queue=queue).count() == 3
    assert not Decision.objects.filter(session=foreign).exists()


def test_who_undoes_takes_back_only_their_own(project, browser):
    session, other = flagged(project), make_member(project, Role.MODERATOR)
    decision = dismiss(session, by=other, reason="fine")
    assert browser.post(f"/p/{project.slug}/decisions/undo/?decision={decision.pk}").status_code == 302
    assert Decision.objects.filter(pk=decision.pk).exists()
    assert browser.post(f"/p/{project.slug}/decisions/undo/?decision=x").status_code == 422
