"""axe finds nothing on the moderators' pages, in any state, scheme or width."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from annotations.guidance.actions import approve_guidance, draft, retire_guidance
from annotations.review.models import ReviewTask
from annotations.triage.actions.decisions import dismiss, escalate, route
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.actions.issues import make_issue_of
from annotations.triage.actions.rules import add_word_list
from annotations.triage.actions.saved_views import save_view
from annotations.triage.board import mark, on_board
from annotations.triage.models import Flag
from labelhub.projects.rights import Role
from tests.browser import test_accessibility as at_the_desk
from tests.browser.axe import LOOKS, violations
from tests.factories import FLAWED, make_interaction, make_label, make_member, make_task

Desk, desk = at_the_desk.Desk, at_the_desk.desk


def flagged(desk: Desk) -> None:
    """Five sessions: misleading, harmful, praised, and one that was escalated."""
    project = desk.queue.project
    by_kind = {rule.kind: rule for rule in rules_of(project)}
    for kind in ("thumb_down", "suggested", "copied", "low_confidence", "abandoned"):
        interaction = make_interaction(project, prompt=f"Is it {kind}?")
        raise_flags(project, [(by_kind[kind], interaction, str(by_kind[kind]))])
    escalate(Flag.objects.filter(rule__kind="abandoned").get().session, by=desk.person, reason="Is it a recall?")


def go(desk: Desk, path: str) -> None:
    desk.page.goto(f"{desk.site}/p/{desk.queue.project.slug}/{path}")


def board(desk: Desk) -> None:
    flagged(desk)
    go(desk, "triage/")
    expect(desk.page.locator(".row")).to_have_count(5)


def chosen(desk: Desk) -> None:
    board(desk)
    desk.page.locator("input[name=session]").nth(1).check()
    expect(desk.page.locator("#rows .chosen")).to_have_text("1 chosen")


def dismissing(desk: Desk) -> None:
    flagged(desk)
    go(desk, f"triage/{Flag.objects.earliest('pk').session_id}/")
    desk.page.keyboard.press("d")
    expect(desk.page.locator("#dismiss-reason")).to_be_visible()


def escalating(desk: Desk) -> None:
    flagged(desk)
    go(desk, f"triage/{Flag.objects.earliest('pk').session_id}/")
    desk.page.keyboard.press("l")
    expect(desk.page.locator("#escalate-reason")).to_be_visible()


def clear_board(desk: Desk) -> None:
    go(desk, "triage/")
    expect(desk.page.locator("text=The board is clear")).to_be_visible()


def awaiting_expert(desk: Desk) -> None:
    flagged(desk)
    route(Flag.objects.earliest("pk").session, queue=desk.queue, by=desk.person)
    go(desk, "triage/?tab=expert")
    expect(desk.page.locator(".row")).to_have_count(1)


def resolved(desk: Desk) -> None:
    flagged(desk)
    dismiss(Flag.objects.earliest("pk").session, by=desk.person, reason="right answer")
    go(desk, "triage/?tab=resolved")
    expect(desk.page.locator(".row")).to_have_count(1)


def rules(desk: Desk) -> None:
    flagged(desk)
    go(desk, "triage/rules/")
    expect(desk.page.locator("h1")).to_have_text("Rules")


def rule_with_preview(desk: Desk) -> None:
    rule = next(rule for rule in rules_of(desk.queue.project) if rule.kind == "low_confidence")
    make_interaction(desk.queue.project, confidence=0.1)
    go(desk, f"triage/rules/{rule.pk}/")
    desk.page.fill("#threshold", "0.05")
    desk.page.click("text=What would it have flagged?")
    expect(desk.page.locator("#preview h2")).to_have_text("It would have flagged 0 answers")


def word_list_refused(desk: Desk) -> None:
    rule = add_word_list(desk.queue.project, "safety", by=desk.person)
    go(desk, f"triage/rules/{rule.pk}/")
    desk.page.check("[name=active]")
    desk.complaints.expected.append("422")
    desk.page.click("text=Save")
    expect(desk.page.locator(".refusal[role=alert]")).to_contain_text("Write at least one word")


def agreement_of_everybody(desk: Desk) -> None:
    desk.queue.overlap = 2
    desk.queue.save()
    people = [make_member(desk.queue.project, Role.EXPERT) for _ in range(2)]
    for verdict in ("good", "flawed", "flawed"):
        task = make_task(desk.queue)
        for person in people:
            faults = [{"category": "too-vague"}] if verdict == "flawed" else []
            make_label(task, person, verdict=verdict, categories=faults)
    go(desk, "agreement/")
    expect(desk.page.locator("text=alpha of the verdict")).to_be_visible()


def disagreeing(desk: Desk) -> ReviewTask:
    """Three people, three answers, of which two were written."""
    desk.queue.overlap, desk.queue.approve_twice = 3, "every"
    desk.queue.save()
    task = make_task(desk.queue)
    for rewrite in "The lantern costs 39 euros.", "The lantern costs 36 euros.", "":
        said = {**FLAWED, "rewrite": rewrite} if rewrite else {"verdict": "good"}
        make_label(task, make_member(desk.queue.project), **said)
    return task


def disagreements(desk: Desk) -> None:
    disagreeing(desk)
    go(desk, "adjudications/")
    expect(desk.page.locator(".row")).to_have_count(1)


def settling(desk: Desk) -> None:
    go(desk, f"adjudications/{disagreeing(desk).pk}/")
    desk.page.keyboard.press("1")
    expect(desk.page.locator(".columns > .answer")).to_have_count(4)


def writing_the_final_answer(desk: Desk) -> None:
    settling(desk)
    desk.page.keyboard.press("0")
    expect(desk.page.locator("#rewrite")).to_be_visible()


def nobody_disagrees(desk: Desk) -> None:
    go(desk, "adjudications/")
    expect(desk.page.locator("text=Nobody disagrees")).to_be_visible()


def approving_what_is_agreed_on(desk: Desk) -> None:
    desk.queue.overlap, desk.queue.approve_twice = 2, "every"
    desk.queue.save()
    task = make_task(desk.queue)
    for _ in range(2):
        make_label(task, make_member(desk.queue.project))
    go(desk, "approvals/?tab=agreed")
    desk.page.locator("input[name=label]").first.check()
    desk.page.keyboard.press("y")
    expect(desk.page.locator("#approve-all")).to_be_visible()


def own_tab(desk: Desk) -> None:
    flagged(desk)
    view = save_view(desk.queue.project, by=desk.person, name="Harmful", severity=3, words="suggested")
    go(desk, f"triage/?tab=view-{view.pk}")
    expect(desk.page.locator(".row")).to_have_count(1)


def new_tab(desk: Desk) -> None:
    flagged(desk)
    go(desk, "triage/")
    desk.page.click("text=New tab")
    expect(desk.page.locator("#view-name")).to_be_visible()


def last_page(desk: Desk) -> None:
    flagged(desk)
    go(desk, f"triage/?below={quote(mark(on_board(desk.queue.project)[3]))}")
    expect(desk.page.locator(".row")).to_have_count(1)
    expect(desk.page.locator("text=From the top")).to_be_visible()


def beginning_guidance(desk: Desk) -> None:
    flagged(desk)
    go(desk, f"triage/{Flag.objects.earliest('pk').session_id}/")
    desk.page.keyboard.press("i")
    expect(desk.page.locator("#trigger")).not_to_have_value("")


def guidance(desk: Desk) -> None:
    """One to approve, one that is told, one that was given up."""
    project, other = desk.queue.project, make_member(desk.queue.project, Role.MODERATOR)
    told = [
        draft(project, by=other, trigger=f"May I return a {what}?", instruction="Within 30 days.") for what in "abc"
    ]
    for one in told[1:]:
        approve_guidance(one, by=desk.person)
    retire_guidance(told[2], by=desk.person, reason="The rule changed.")
    go(desk, "guidance/")
    expect(desk.page.locator("text=The rule changed.")).to_be_visible()


def no_guidance(desk: Desk) -> None:
    go(desk, "guidance/")
    expect(desk.page.locator("h1")).to_have_text("Guidance")


def no_issues(desk: Desk) -> None:
    go(desk, "triage/issues/")
    expect(desk.page.locator("h1")).to_have_text("Product issues")


def issues(desk: Desk) -> None:
    flagged(desk)
    for kind in ("thumb_down", "suggested"):
        session = Flag.objects.get(rule__kind=kind).session
        make_issue_of(session, title="The price list is of last year", by=desk.person)
    go(desk, "triage/issues/")
    expect(desk.page.locator("text=The price list is of last year")).to_be_visible()


def issue(desk: Desk) -> None:
    issues(desk)
    desk.page.click("text=The price list is of last year")
    expect(desk.page.locator("text=met 2 times")).to_be_visible()


def naming_an_issue(desk: Desk) -> None:
    flagged(desk)
    go(desk, f"triage/{Flag.objects.earliest('pk').session_id}/")
    desk.page.keyboard.press("p")
    expect(desk.page.locator("#issue-title")).to_be_visible()


STATES: dict[str, Callable[[Desk], None]] = {
    "board": board, "chosen": chosen, "dismissing": dismissing, "escalating": escalating, "clear board": clear_board,
    "awaiting expert": awaiting_expert, "resolved": resolved, "rules": rules, "rule with preview": rule_with_preview,
    "word list refused": word_list_refused, "agreement of everybody": agreement_of_everybody,
    "disagreements": disagreements, "settling": settling, "writing the final answer": writing_the_final_answer,
    "own tab": own_tab, "new tab": new_tab, "last page": last_page, "guidance": guidance, "no guidance": no_guidance,
    "beginning guidance": beginning_guidance, "issues": issues, "no issues": no_issues, "issue": issue,
    "naming an issue": naming_an_issue,
    "nobody disagrees": nobody_disagrees, "approving what is agreed on": approving_what_is_agreed_on,
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_triage(desk: Desk, state: str, count: Callable[[int, int], int]) -> None:
    STATES[state](desk)
    turn = list(STATES).index(state)
    for width, media in (count(0, 1) and LOOKS) or [LOOKS[turn % 3], LOOKS[3 + (turn + 1) % 3]]:
        desk.page.set_viewport_size({"width": width, "height": 900})
        desk.page.emulate_media(**media, reduced_motion="reduce")
        assert violations(desk.page) == [], (state, width, media)
