"""Where each case stands: eight steps from the report to the verified fix, what blocks the next one, and since when.

Reads only: every step is a row that the act itself has left, so nothing here can disagree with what happened.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse

from annotations.capture.models import Interaction
from annotations.review.models import Approval, Label, ReviewTask
from annotations.triage.models import Decision, Flag
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.projects.models import Project
from training.evaluation.models import CaseResult
from training.loop.cases import STOPS, cases
from training.loop.facts import Facts, facts_of
from training.runs.models import TrainingRun

PAGE = 50
STEPS = {
    "reported": "Reported",
    "flagged": "Flagged",
    "labeled": "Labeled",
    "approved": "Approved",
    "context": "In context",
    "snapshot": "In a snapshot",
    "version": "In a version",
    "verified": "Verified",
}


@dataclass(frozen=True)
class Step:
    """One of STEPS. `at`: None where it was not reached; `words`: what happened, or why nothing did."""

    name: str
    at: datetime | None = None
    by: str = ""
    words: str = ""
    href: str = ""
    look: str = "later"  # done | now, what the case waits for | later | passed, what is not to come any more

    @property
    def title(self) -> str:
        return STEPS[self.name]


@dataclass(frozen=True)
class Wait:
    """Where a case stands, one of STOPS ('': it is no case); what blocks it in words ('': nothing), and since when."""

    stop: str = ""
    words: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Standing:
    interaction: Interaction
    steps: list[Step]
    wait: Wait


@dataclass(frozen=True)
class Board:
    """The newest first; `more`: the interaction id before which there are others, None at the end."""

    standings: list[Standing]
    more: int | None


def board(project: Project, *, stop: str = "", before: int = 0) -> Board:
    """At most PAGE cases of those before the interaction id `before`. Raises Invalid for a stop that there is not."""
    ensure(not stop or stop in STOPS, Invalid(f"at must be one of {', '.join(STOPS)}.", field="at"))
    rows = cases(project, stop).select_related("session")
    found = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
    more = found[PAGE - 1].pk if len(found) > PAGE else None
    return Board(_standings(project, found[:PAGE]), more)


def standing_of(project: Project, pk: int) -> Standing:
    """Of one answer, be it a case or not. Raises NotFound."""
    found = Interaction.objects.filter(project=project, pk=pk).select_related("session").first()
    if found is None:
        raise NotFound
    return _standings(project, [found])[0]


def _standings(project: Project, found: list[Interaction]) -> list[Standing]:
    known = zip(found, facts_of(project, found), strict=True)
    return [_standing(project, interaction, facts) for interaction, facts in known]


def _standing(project: Project, interaction: Interaction, facts: Facts) -> Standing:
    session = reverse("triage:session", args=[project.slug, interaction.session_id]) + f"#interaction-{interaction.pk}"
    label = facts.approval.label if facts.approval else facts.label
    judged = reverse("review:label_page", args=[project.slug, label.pk]) if label else ""
    steps, wait = [*_noticed(facts, session), *_judged(facts, judged), *_taught(facts)], wait_of(facts)
    return Standing(interaction, _with_looks(steps, wait), wait)


def _with_looks(steps: list[Step], wait: Wait) -> list[Step]:
    """A step without a date is to come, unless a later one was reached without it or nothing is to come at all."""
    last = max((place for place, step in enumerate(steps) if step.at), default=-1)
    over = wait.stop in {"closed", ""}

    def look(place: int, step: Step) -> str:
        if step.at:
            return "done"
        if over or place < last:
            return "passed"
        return "now" if step.name == wait.stop else "later"

    return [replace(step, look=look(place, step)) for place, step in enumerate(steps)]


def _noticed(facts: Facts, href: str) -> list[Step]:
    reported, flagged = Step("reported", words="by nobody"), Step("flagged")
    raised = next((flag for flag in facts.flags if flag.raised_by), None)
    if facts.complaint:
        reported = Step("reported", facts.complaint.occurred_at, "an end user", facts.complaint.words, href)
    elif raised:
        reported = Step("reported", raised.at, str(raised.raised_by), raised.evidence, href)
    if facts.flags:
        first = facts.flags[0]
        flagged = Step("flagged", first.at, str(first.raised_by or "a rule"), first.evidence, href)
    return [reported, flagged]


def _judged(facts: Facts, href: str) -> list[Step]:
    labeled, approved = Step("labeled"), Step("approved")
    if facts.label:
        said = facts.label.get_verdict_display().lower()
        labeled = Step("labeled", facts.label.created_at, str(facts.label.author), said, href)
    if facts.approval:
        approved = Step("approved", facts.approval.at, str(facts.approval.by), facts.approval.note, href)
    return [labeled, approved]


def _taught(facts: Facts) -> list[Step]:
    snapshot, version, verified = Step("snapshot"), Step("version"), Step("verified")
    context = _in_context(facts, facts.approval) if facts.approval else Step("context")
    if facts.snapshot:
        snapshot = Step("snapshot", facts.snapshot.created_at, words=str(facts.snapshot).lower())
    if facts.version:
        version = Step("version", facts.version.created_at, words=str(facts.version).lower())
    if facts.tested and facts.tested.after_exact:
        words = f"version {facts.tested.evaluation.version.number} answers it right"
        verified = Step("verified", facts.tested.evaluation.finished_at, words=words)
    return [context, snapshot, version, verified]


def _in_context(facts: Facts, approval: Approval) -> Step:
    """A correction can go into prompts from its approval on; how often it did is another matter, and said."""
    if not (approval.label.verdict == Label.Verdict.FLAWED and approval.label.rewrite):
        return Step("context", words="nothing to inject: the answer was not corrected")
    if not facts.has_vector:
        return Step("context", words="cannot be injected yet: its question has no vector")
    times = f"{facts.injected} time{'' if facts.injected == 1 else 's'}"
    return Step("context", approval.at, words=f"can be injected since then, was injected {times}")


def wait_of(facts: Facts) -> Wait:
    """The furthest that there is says what comes next; cases.py asks the same of the database."""
    if facts.approval:
        return _after_approval(facts, facts.approval)
    if facts.label:
        return _judgement(facts.label)
    if facts.task:
        return _in_queue(facts, facts.task)
    if facts.flags:
        return _flagged(facts.flags)
    if facts.complaint:
        return Wait("flagged", "nothing has flagged it, and it is in no queue", facts.complaint.occurred_at)
    return Wait()


def _judgement(label: Any) -> Wait:
    """Of a label as `Facts` has it."""
    if hasattr(label, "first_approval"):
        first = label.first_approval
        return Wait("approved", f"approved by {first.by}, the first of two: waits for somebody else", first.at)
    if label.disputed:
        return Wait("approved", "waits for a moderator to settle what people said differently", label.created_at)
    asked = "waits for a second person" if label.asked else "put before no second person, by the policy of its queue"
    return Wait("approved", asked, label.created_at)


def _in_queue(facts: Facts, task: ReviewTask) -> Wait:
    if facts.returned:
        back = facts.returned
        return Wait("labeled", f"sent back to {back.label.author} by {back.by}, in the queue {task.queue}", back.at)
    return Wait("labeled", f"waits for an expert in the queue {task.queue}", task.created_at)


def _flagged(flags: list[Flag]) -> Wait:
    decisions = sorted((one for flag in flags for one in flag.decisions.all()), key=lambda one: one.pk)
    left = [flag for flag in flags if not any(one.kind in Decision.CLOSING for one in flag.decisions.all())]
    if not left:
        return _closed(decisions[-1])
    asked = [one for one in decisions if one.kind == Decision.Kind.ESCALATE]
    if asked:
        return Wait("labeled", f"waits for an admin, asked by {asked[-1].by}: {asked[-1].reason}", asked[-1].at)
    return Wait("labeled", "in no queue yet: waits for a moderator", left[0].at)


def _closed(last: Decision) -> Wait:
    words = {
        Decision.Kind.DISMISS: f"dismissed by {last.by}: {last.reason}",
        Decision.Kind.MERGE: f"put with another session by {last.by}",
        Decision.Kind.PRODUCT_ISSUE: f"not the model’s fault, says {last.by}: {last.issue}",
    }
    gone = f"sent to experts by {last.by}, but in no queue any more"
    return Wait("closed", words.get(Decision.Kind(last.kind), gone), last.at)


def _after_approval(facts: Facts, approval: Approval) -> Wait:
    if facts.tested:
        return _tested(facts, facts.tested)
    if facts.version:
        return Wait("verified", f"waits for an evaluation of {facts.version}".lower(), facts.version.created_at)
    if facts.snapshot:
        waits = Wait("version", f"waits for a run on {facts.snapshot}".lower(), facts.snapshot.created_at)
        return _trained(facts.run) if facts.run else waits
    if facts.left_out:
        out = facts.left_out
        words = f"left out of snapshot {out.snapshot.number}: {out.get_reason_display()}"
        return Wait("snapshot", words, out.snapshot.created_at)
    return Wait("snapshot", "waits for the next training run", approval.at)


def _trained(run: TrainingRun) -> Wait:
    if run.is_active:
        return Wait("version", f"run {run.number} is {run.state}", run.created_at)
    return Wait("version", f"run {run.number} {run.state}: waits for another", run.finished_at)


def _tested(facts: Facts, tested: CaseResult) -> Wait:
    version, since = tested.evaluation.version, tested.evaluation.finished_at
    if not tested.after_exact:
        return Wait("verified", f"version {version.number} still answers it otherwise", since)
    if facts.live:
        return Wait("done")
    return Wait("done", "no version that learned from it is live: waits for a promotion", since)
