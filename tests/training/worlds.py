"""The annotated world gone through training once: taught, evaluated, judged, promoted and taken back."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models.functions import Now

from annotations.recall.actions import want
from annotations.review.models import Approval
from labelhub.people.models import User
from labelhub.projects.rights import Role
from tests.factories import make_approval, make_member, make_project, make_vector
from tests.planting import sql
from tests.training.makers import make_case, make_run, make_suite, make_version, write_adapter
from tests.worlds import DIMENSIONS, Annotated, annotated_world
from training.datasets.canonical import as_chat, label_sha256, prompt_sha256, row_sha256
from training.datasets.models import DatasetSnapshot, LeftOut, PromptGroup, SnapshotRow
from training.datasets.rows import content_sha256
from training.evaluation.actions.suites import grow
from training.evaluation.cases import CASE
from training.evaluation.models import Case, CaseResult, Evaluation
from training.lm.adapter_files import write_manifest
from training.lm.contract import MANIFEST
from training.lm.files import sha256_file
from training.lm.recipes import QUICK
from training.registry.actions import promote, roll_back
from training.registry.models import GateReport, Promotion
from training.runs.folders import prepare
from training.runs.models import ModelVersion, RunMetric, TrainingRun

_seeds = itertools.count(1)
PASSED = [{"rule": "better", "value": "1", "limit": "0", "passed": True}]


@dataclass
class Trained:
    annotated: Annotated
    launcher: User
    snapshot: DatasetSnapshot
    left_out: Approval
    version: ModelVersion  # live in staging; was in production
    second: ModelVersion  # goes on from it
    held_out: Case
    evaluation: Evaluation
    report: GateReport  # of the second
    staged: Promotion
    rollback: Promotion
    running: TrainingRun  # of another project
    evaluating: Evaluation

    @property
    def project(self) -> Any:
        return self.annotated.project

    @property
    def approval(self) -> Approval:
        return self.annotated.approval

    @property
    def group(self) -> PromptGroup:
        return PromptGroup.objects.get(
            members__prompt_sha256=self.row("correction").prompt_sha256, project=self.project
        )

    def row(self, kind: str) -> SnapshotRow:
        return self.snapshot.rows.get(kind=kind)

    def case(self, approval: Approval) -> Case:
        return Case.objects.get(approval=approval)

    def another_version(self) -> ModelVersion:
        return trained_version(self.snapshot, self.launcher)

    def teach(self, approval: Approval) -> SnapshotRow:
        """One more row, with the snapshot's hash to match."""
        row = _judged_row(self.snapshot, self.snapshot.rows.count() + 1, approval)
        self.seal()
        return row

    def seal(self) -> None:
        seal(self.snapshot)


def seal(snapshot: DatasetSnapshot) -> None:
    DatasetSnapshot.objects.filter(pk=snapshot.pk).update(content_sha256=content_sha256(snapshot))
    snapshot.refresh_from_db()


def trained_world() -> Trained:
    world = annotated_world()
    project, launcher = world.project, world.admin
    left_out = _approved_more(world)
    grow(project)
    snapshot = _snapshot(world, left_out)
    held_out = make_case(make_suite(project, "heldout"), "Is the tarp green?", "Yes, it is green.")
    want(project, CASE, [(held_out.pk, held_out.question)])
    version = trained_version(snapshot, launcher)
    evaluation, _ = evaluated(version)
    promoter = make_member(project, Role.ADMIN)
    staged = promote(version, slot="staging", by=promoter)
    promote(version, slot="production", by=promoter)
    rollback = roll_back(project, slot="production", by=promoter, reason="complaints")
    second = trained_version(snapshot, launcher, parent=version)
    _, report = evaluated(second)
    evaluating = Evaluation.objects.create(
        project=project,
        version=second,
        baseline=version,
        state="running",
        attempt=1,
        fence=1,
        started_at=Now(),
        heartbeat_at=Now(),
    )
    other = make_project()
    running = make_run(
        other, snapshot=DatasetSnapshot.objects.create(project=other, number=1), state="running", attempt=1, fence=1,
        started_at=Now(), heartbeat_at=Now(),
    )  # fmt: skip
    _judged_row(running.snapshot, 1, make_approval(other))
    seal(running.snapshot)
    return Trained(
        world, launcher, snapshot, left_out, version, second, held_out, evaluation, report, staged, rollback, running,
        evaluating,
    )  # fmt: skip


def trained_version(snapshot: DatasetSnapshot, by: User, *, parent: ModelVersion | None = None) -> ModelVersion:
    """As a run leaves it, with its folder and its files in the store."""
    seed, steps = next(_seeds), QUICK.max_steps
    run = make_run(
        snapshot.project, snapshot=snapshot, launched_by=by, parent=parent, step=steps, attempt=1, fence=1,
        started_at=Now(), training_at=Now(), finished_at=Now(),
    )  # fmt: skip
    RunMetric.objects.create(run=run, step=1, loss=2.0, grad_norm=1.0)
    folder = prepare(run)
    write_adapter(folder / "adapter", seed=seed)
    write_manifest(folder)
    return make_version(snapshot.project, run=run, seed=seed, manifest_sha256=sha256_file(folder / MANIFEST))


def evaluated(version: ModelVersion) -> tuple[Evaluation, GateReport]:
    evaluation = Evaluation.objects.create(
        project=version.project,
        version=version,
        state="succeeded",
        attempt=1,
        fence=1,
        started_at=Now(),
        finished_at=Now(),
    )
    CaseResult.objects.bulk_create(
        CaseResult(
            evaluation=evaluation, case=case, slice="elsewhere", seen=False, before_exact=False, after_exact=True,
            before_output="b", after_output="a",
        )
        for case in Case.objects.of(version.project)
    )  # fmt: skip
    report = GateReport.objects.create(project=version.project, evaluation=evaluation, passed=True, rules=PASSED)
    return evaluation, report


def _approved_more(world: Annotated) -> Approval:
    """One more, which the snapshot leaves out; all of them an hour old, so that suites should have grown."""
    left_out = make_approval(
        world.project, prompt="Where is my parcel?", output="No idea.", rewrite="It comes tomorrow.", expert=world.expert,
        moderator=world.moderator,
    )  # fmt: skip
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[100] = 1
    make_vector(left_out.interaction, vector)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE annotations_approval DISABLE TRIGGER USER")
    sql("UPDATE annotations_approval SET at = at - interval '1 hour' WHERE project_id = %s", world.project.pk)
    sql("ALTER TABLE annotations_approval ENABLE TRIGGER USER")
    return left_out


def _snapshot(world: Annotated, left_out: Approval) -> DatasetSnapshot:
    snapshot = DatasetSnapshot.objects.create(project=world.project, number=1, by=world.admin)
    _judged_row(snapshot, 1, world.approval)
    _judged_row(snapshot, 2, world.good)
    said = world.interactions[4]
    _row(snapshot, 3, "rehearsal", said, said.output, source="version:base")
    LeftOut.objects.create(
        snapshot=snapshot, label=left_out.label, approval=left_out, interaction=left_out.interaction, reason="not_drawn"
    )
    seal(snapshot)
    return snapshot


def _judged_row(snapshot: DatasetSnapshot, position: int, approval: Approval) -> SnapshotRow:
    label = approval.label
    kind = "good" if label.verdict == "good" else "correction"
    facts = {"approval": approval, "source": f"label:{label.pk}", "label_sha256": label_sha256(label)}
    return _row(snapshot, position, kind, approval.interaction, label.gold, **facts)


def _row(
    snapshot: DatasetSnapshot, position: int, kind: str, interaction: Any, completion: str, **facts: Any
) -> SnapshotRow:
    messages = as_chat(interaction.messages)
    return SnapshotRow.objects.create(
        snapshot=snapshot, position=position, kind=kind, messages=messages, completion=completion, interaction=interaction,
        row_sha256=row_sha256(kind, messages, completion), prompt_sha256=prompt_sha256(messages), **facts,
    )  # fmt: skip
