"""Freezing data against the live version, judging a version, and making one live."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from labelhub.errors import Conflict, Invalid, NotAllowed, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from training.datasets.actions import Wanted, build_snapshot
from training.datasets.candidates import unflagged
from training.datasets.models import DatasetSnapshot, SnapshotRow
from training.evaluation.actions import evaluate
from training.evaluation.actions.suites import grow
from training.evaluation.cases import held_out_hashes, held_out_questions
from training.evaluation.figures import figures
from training.evaluation.models import Evaluation
from training.registry.gate import Limits, judge, passed
from training.registry.live import Slot, answered_by, before, live_promotion, live_version, name_of, undone_by_rollback
from training.registry.models import GateReport, Promotion
from training.registry.preflight import ensure_nothing_blocks
from training.runs import store
from training.runs.actions import ensure_launchable, launch
from training.runs.bases import ensure_on_base
from training.runs.models import ModelVersion, TrainingRun

ENOUGH_ANSWERS = 200  # of the live version; with fewer, earlier versions' answers are rehearsed as well


def take_snapshot(
    project: Project, *, by: User, wanted: Wanted | None = None, parent: ModelVersion | None = None
) -> DatasetSnapshot:
    """Freeze what the live version should learn next; `parent`: the version to go on from, whose rows become replay.

    Raises NotAllowed, Invalid (nothing qualifies), Unavailable (encoder or base model), Conflict (held out meanwhile).
    """
    ensure_right(by, project, Right.TRAIN)
    live = live_version(project)
    answers = answered_by(project, live)
    if live and unflagged(project, model_versions=answers).count() < ENOUGH_ANSWERS:
        answers = Q()  # any version's: what was corrected since is left out anyway
    return build_snapshot(
        project,
        by=by,
        wanted=wanted or Wanted(),
        held_out=held_out_questions(project),
        held_out_now=lambda: held_out_hashes(project),
        answered_by=answers,
        answered_name=name_of(live),
        learned=_learned_by(parent) if parent else set(),
    )


def _learned_by(version: ModelVersion) -> set[int]:
    """The approvals whose corrections a version was trained on."""
    rows = SnapshotRow.objects.corrections().filter(snapshot=version.origin.snapshot)
    return {pk for pk in rows.values_list("approval", flat=True) if pk}


def launch_retrain(project: Project, **wanted: Any) -> TrainingRun:
    """`runs.launch`, for every door, where nothing stands in the way. Raises what it raises, and Unavailable."""
    return launch(project, **wanted, ready=ensure_nothing_blocks)


def freeze_and_launch(project: Project, *, by: User, reason: str, seed: int = 0, **wanted: Any) -> TrainingRun:
    """A run on what is approved now. What can be refused without a snapshot is refused before there is one.

    Raises what `take_snapshot` and `launch_retrain` raise.
    """
    ensure_launchable(project, by=by, reason=reason, seed=seed)
    ensure_nothing_blocks()
    snapshot = take_snapshot(project, by=by)
    return launch_retrain(project, snapshot=snapshot, by=by, reason=reason, seed=seed, **wanted)


def evaluate_against_live(version: ModelVersion, *, by: User | None) -> Evaluation:
    """Compare `version` with what it would replace, on suites as they are now. `by`: None for the follow-up.

    Raises NotAllowed, Conflict (under way already, or one of the two is of another base), Unavailable (encoder).
    """
    if by is not None:
        ensure_right(by, version.project, Right.TRAIN)
    grow(version.project)
    baseline = live_version(version.project)
    ensure_on_base(version, baseline)
    return evaluate(version, baseline=baseline)


@transaction.atomic
def report(evaluation: Evaluation, *, limits: Limits | None = None) -> GateReport:
    """What the gate says of an evaluation that succeeded; asked again, the first answer."""
    Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    there = GateReport.objects.filter(evaluation=evaluation).first()
    if there:
        return there
    version = evaluation.version
    twins = ModelVersion.objects.of(version.project).filter(adapter_sha256=version.adapter_sha256, pk__lt=version.pk)
    rules = judge(
        figures(evaluation),
        corrections=SnapshotRow.objects.corrections().filter(snapshot=version.origin.snapshot).count(),
        twins=twins.count(),
        limits=limits or Limits(),
    )
    return GateReport.objects.create(
        project=version.project,
        evaluation=evaluation,
        passed=passed(rules),
        rules=[rule.to_json() for rule in rules],
    )


def latest_report(version: ModelVersion) -> GateReport | None:
    """What the gate said of the newest evaluation of `version` that succeeded."""
    rows = GateReport.objects.select_related("evaluation__baseline__run").filter(evaluation__version=version)
    return rows.order_by("-evaluation").first()


def ensure_promotable(version: ModelVersion, *, slot: str, by: User) -> GateReport:
    """Raises NotAllowed (right, second person), Conflict (gate, base, files, compared with another version)."""
    project = version.project
    ensure_right(by, project, Right.PROMOTE)
    ensure(slot in Slot.values, Invalid(f"slot must be one of {', '.join(Slot.values)}."))
    launched = version.run.launched_by_id if version.run else None
    second = "Who launched a run does not promote its version here: ask a second person."
    ensure(not (project.two_person_promotion and launched == by.pk), NotAllowed(second))
    gate = latest_report(version)
    if gate is None:
        raise Conflict(f"{version} has not been evaluated yet.")
    ensure(gate.passed, Conflict(f"The gate refuses {version}.", rules=gate.rules))
    ensure_on_base(version, gate.evaluation.baseline)
    live = live_version(project)
    compared = gate.evaluation.baseline_id == (live.pk if live else None)
    stale = f"{version} was compared with another version than the one that is live now: evaluate it again."
    ensure(compared or slot == Slot.STAGING, Conflict(stale))
    store.verified(version)
    return gate


def promote(version: ModelVersion, *, slot: str, by: User, note: str = "") -> Promotion:
    """Make `version` the live one of `slot`.

    Raises as `ensure_promotable`, Invalid for a note that is too long, and Conflict if somebody was faster.
    """
    previous = live_promotion(version.project, slot)
    already = previous is not None and previous.version_id == version.pk
    ensure(not already, Conflict(f"{version} is live in {slot} already."))
    gate = ensure_promotable(version, slot=slot, by=by)
    ensure(len(note) <= 300, Invalid("note must be text of at most 300 characters.", field="note"))
    new = Promotion(project=version.project, version=version, slot=slot, by=by, note=note, gate_report=gate)
    return _follow(new, previous)


def roll_back(project: Project, *, slot: str, by: User, reason: str) -> Promotion:
    """Bring back what was live before; done twice, what was live before that.

    Raises NotAllowed, Invalid without a reason, Conflict when nothing is left to undo, or what would come back is of
    another base or not what it was.
    """
    ensure_right(by, project, Right.PROMOTE)
    ensure(slot in Slot.values, Invalid(f"slot must be one of {', '.join(Slot.values)}."))
    ensure(reason.strip(), Invalid("Say why: it stays in the history.", field="reason"))
    ensure(len(reason.strip()) <= 300, Invalid("reason must be text of at most 300 characters.", field="reason"))
    live = live_promotion(project, slot)
    undone = undone_by_rollback(live)
    if live is None or undone is None:
        raise Conflict(f"Nothing was promoted in {slot}: there is nothing to go back to.")
    target = before(undone)
    ensure_on_base(target)
    if target is not None:
        store.verified(target)
    new = Promotion(project=project, version=target, slot=slot, by=by, note=reason.strip(), undoes=undone)
    return _follow(new, live)


def _follow(new: Promotion, previous: Promotion | None) -> Promotion:
    """Each promotion follows exactly one: of two that follow the same, the second is refused."""
    new.previous = previous
    try:
        with transaction.atomic():
            new.save()
    except IntegrityError as error:
        raise Conflict(f"Somebody else changed what is live in {new.slot} just now. Look again.") from error
    return new
