"""How suites fill: held-out cases are uploaded or come from the test split, regression cases from approvals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from annotations.capture.models import Interaction
from annotations.recall.actions import want
from annotations.review.models import Approval, Label
from labelhub.body import stored_text
from labelhub.errors import Conflict, Invalid, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from training.datasets.canonical import Message, as_chat, prompt_sha256
from training.datasets.groups import Split, group_prompts, groups_by_prompt
from training.datasets.likeness import alike, asked, asked_by
from training.datasets.models import PromptGroup, SnapshotRow
from training.evaluation.cases import CASE
from training.evaluation.models import Case, CaseQuerySet, Suite
from training.lm.files import Refused as KernelRefused
from training.lm.rows import chat

LONGEST_NAME, LONGEST_REASON = 60, 300
LOOKS = 3  # at what was taught: an upload is overtaken by a freeze, and by one more, but not for ever
REGRESSION, TEST_SPLIT = ("regression", "Known problems and good answers"), ("test-split", "Kept out to test with")


@dataclass(frozen=True)
class Uploaded:
    """What became of an upload: the cases now asked, and [{index, error}] for those that were refused."""

    cases: list[Case]
    refused: list[dict[str, Any]]


@dataclass(frozen=True)
class _Item:
    index: int
    external_id: str
    messages: list[Message]
    gold: str


@dataclass(frozen=True)
class _Look:
    """Which interactions were taught when it was looked, and which items they forbid: index → why."""

    taught: set[int]
    forbidden: dict[int, str]


def add_cases(project: Project, *, suite: str, items: Sequence[dict[str, Any]], by: User, name: str = "") -> Uploaded:
    """Put held-out cases [{messages | prompt, gold, external_id?}] into a suite, making it the first time.

    A case whose question, or a near-duplicate of it, is a row of any snapshot is refused and listed; so is one that a
    held-out suite asks with another gold. What is there already stays as it is.

    Raises NotAllowed, Invalid, Unavailable, Conflict where one freeze after the other gets in between.
    """
    ensure_right(by, project, Right.CURATE)
    ensure(suite not in (REGRESSION[0], TEST_SPLIT[0]), Invalid(f"The suite {suite} fills by itself."))
    ensure(1 <= len(suite) <= LONGEST_NAME, Invalid(f"The name of a suite has 1 to {LONGEST_NAME} letters."))
    most = settings.MAX_BATCH_ITEMS
    ensure(len(items) <= most, Invalid(f"At most {most} cases at once: send the others in a second upload."))
    parsed, refused = _parse(items)
    for _ in range(LOOKS):
        done = _put(project, (suite, name or suite), parsed, _look(project, parsed))
        if done is not None:
            return Uploaded(done.cases, sorted([*refused, *done.refused], key=lambda line: line["index"]))
    raise Conflict("Snapshots are being frozen meanwhile: upload the cases again in a moment.")


@transaction.atomic
def _put(project: Project, named: tuple[str, str], items: Sequence[_Item], look: _Look) -> Uploaded | None:
    """None, and nothing is put, where more was taught since the look: it may forbid more. Raises Invalid."""
    _hold(project)
    if not _taught(project) <= look.taught:
        return None
    home = _suite(project, named, Suite.Kind.HELD_OUT)
    ensure(home.kind == Suite.Kind.HELD_OUT, Invalid(f"The suite {home.slug} is not a held-out one."))
    cases, refused = [], [{"index": index, "error": why} for index, why in look.forbidden.items()]
    for item in (one for one in items if one.index not in look.forbidden):
        try:
            cases.append(_ask(home, item.messages, item.gold, external_id=item.external_id))
        except Conflict as conflict:
            refused.append({"index": item.index, "error": conflict.detail})
    want(project, CASE, [(case.pk, case.question) for case in cases])
    return Uploaded(cases, refused)


def retire_case(case: Case, *, by: User, reason: str) -> Case:
    """Take `case` out of its suite: no later evaluation asks it; what it showed stays.

    Raises NotAllowed, Invalid without a reason or for a long one, StaleState when it has left its suite before.
    """
    ensure_right(by, case.suite.project, Right.CURATE)
    ensure(reason.strip(), Invalid("Say why: it stays with the case.", field="reason"))
    too_long = f"The reason must be text of at most {LONGEST_REASON} characters."
    ensure(len(reason.strip()) <= LONGEST_REASON, Invalid(too_long, field="reason"))
    left = _retire(Case.objects.filter(pk=case.pk), reason.strip())
    ensure(left, StaleState(f"{case} has left its suite before. Look again."))
    case.refresh_from_db()
    return case


def _hold(project: Project) -> None:
    """Until the end of this transaction no snapshot of the project is stored, and its suites are nobody else's."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _parse(items: Sequence[dict[str, Any]]) -> tuple[list[_Item], list[dict[str, Any]]]:
    parsed, refused = [], []
    for index, item in enumerate(items):
        try:
            parsed.append(_item(index, item))
        except Invalid as error:
            refused.append({"index": index, "error": error.detail})
    return parsed, refused


def _item(index: int, item: Any) -> _Item:
    """Raises Invalid."""
    ensure(isinstance(item, dict), Invalid("A case is an object."))
    prompt, gold, external_id = item.get("prompt"), item.get("gold"), item.get("external_id", "")
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else item.get("messages")
    ensure(isinstance(gold, str) and gold.strip(), Invalid("gold must be a text."))
    ensure(isinstance(external_id, str) and len(external_id) <= 255, Invalid("external_id: at most 255 characters."))
    try:
        turns = chat(messages, "the case")
    except KernelRefused as error:
        raise Invalid(f"{error}.") from error
    stored = [{"role": m["role"], "content": stored_text(m["content"])[0]} for m in turns]
    ensure(stored[-1]["content"].strip(), Invalid("The question is empty."))
    return _Item(index, external_id, stored, stored_text(gold)[0])


def _look(project: Project, items: Sequence[_Item]) -> _Look:
    """Asks the encoder, which may take long: so nothing is held meanwhile. Raises Unavailable."""
    taught = _taught(project)
    if not taught or not items:
        return _Look(taught, {})
    interactions = Interaction.objects.filter(pk__in=taught).order_by("pk")
    trained = asked_by(interactions.defer("documents", "metadata"), project)
    questions = asked([(-1 - item.index, item.messages) for item in items], project, CASE)
    why = "A model was trained on this question, or on a near-duplicate: interaction {}."
    found = alike(questions, trained)
    return _Look(taught, {items[i].index: why.format(row.id) for i, row in found.items()})


def _taught(project: Project) -> set[int]:
    """The interactions of all rows that were ever frozen."""
    rows = SnapshotRow.objects.filter(snapshot__project=project).exclude(interaction=None)
    return set(rows.values_list("interaction", flat=True))


def _suite(project: Project, named: tuple[str, str], kind: Suite.Kind) -> Suite:
    slug, name = named
    return Suite.objects.get_or_create(project=project, slug=slug, defaults={"name": name[:120], "kind": kind})[0]


def _ask(suite: Suite, messages: list[Message], gold: str, **facts: Any) -> Case:
    """The case of that question in the suite, made unless it is there.

    Raises Conflict where a suite of that kind asks it with another gold.
    """
    key = prompt_sha256(messages)
    same = Case.objects.of(suite.project).asked().filter(suite__kind=suite.kind, prompt_sha256=key).order_by("pk")
    for case in same:
        why = f"Case {case.pk} asks this with another right answer. Retire it first if that one is wrong."
        ensure(case.gold.strip() == gold.strip(), Conflict(why))
    there = [case for case in same if case.suite_id == suite.pk]
    if there:
        return there[0]
    return Case.objects.create(suite=suite, messages=messages, gold=gold, prompt_sha256=key, **facts)


def grow(project: Project) -> int:
    """Cases of approvals that have none yet; those that they contradict retire. Returns how many were made.

    What was approved since the questions were grouped waits for the next time: its approval wakes that. Raises
    Unavailable when a question must be grouped and the encoder is down.
    """
    group_prompts(project)
    asked_before = Case.objects.of(project).exclude(approval=None).values("approval")
    current = Approval.objects.filter(project=project).current().exclude(pk__in=asked_before)
    groups = groups_by_prompt(project)
    made = [_from_approval(project, approval, groups) for approval in current.with_lineage().order_by("pk")]
    return sum(made)


@transaction.atomic
def _from_approval(project: Project, approval: Approval, groups: dict[str, PromptGroup]) -> bool:
    _hold(project)
    label, interaction = approval.label, approval.interaction
    good = label.verdict == Label.Verdict.GOOD
    gold = interaction.output if good else label.rewrite
    key = prompt_sha256(interaction.messages)
    group = groups.get(key)
    same = Case.objects.of(project).asked().filter(prompt_sha256=key)
    if group is None or Case.objects.filter(approval=approval).exists():
        return False  # approved just now, or somebody else was at it
    if same.filter(approval__gt=approval.pk).exists():
        return False  # answered anew since: an older approval without a case of its own must not bring its answer back
    if not gold.strip():
        _retire(same.exclude(approval=None), f"label {label.pk} calls the answer flawed")
        return False
    _retire(same.exclude(gold=gold), f"label {label.pk} answers the same question otherwise")
    if same.exists():
        return False
    kept_out = not good and group.split == Split.TEST
    named, kind = (TEST_SPLIT, Suite.Kind.HELD_OUT) if kept_out else (REGRESSION, Suite.Kind.REGRESSION)
    facts = {"approval": approval, "interaction": interaction, "group": group}
    rejected = "" if good else interaction.output
    _ask(_suite(project, named, kind), as_chat(interaction.messages), gold, rejected=rejected, **facts)
    return True


def _retire(cases: CaseQuerySet, reason: str) -> int:
    """Take `cases` out of their suites from now on; what they showed stays. Returns how many were in them."""
    return cases.asked().update(retired_at=Now(), retired_reason=reason)
