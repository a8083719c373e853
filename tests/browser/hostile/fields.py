"""Which columns hold text, and a project whose every such column holds one hostile text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from annotations.capture.models import Feedback, ImportJob, Interaction, RawPayload, Session
from annotations.guidance.models import Guidance, GuidanceRetirement
from annotations.recall.models import EncoderSet
from annotations.review.models import (
    Adjudication,
    Approval,
    Candidate,
    Claim,
    Draft,
    Label,
    LabelCategory,
    Overruling,
    Queue,
    Reply,
    Return,
    ReviewTask,
    SpanComment,
)  # fmt: skip
from annotations.triage.models import Decision, Flag, ProductIssue, Rule, SavedView
from labelhub.body import stored_text, stored_value
from labelhub.jobs.models import Job
from labelhub.keys.models import ApiKey
from labelhub.notices.models import Notice
from labelhub.people.models import User
from labelhub.projects.models import Category, Guidelines, Membership, Project, Taxonomy
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_metric, make_project, make_rubric, make_score, make_user, make_vector
from tests.training.makers import make_case, make_evaluation, make_row, make_run, make_snapshot, make_version
from training.datasets.models import DatasetSnapshot, LeftOut
from training.evaluation.models import CaseResult, Evaluation, Suite
from training.lm.contract import LOG
from training.lm.recipes import QUICK
from training.registry.models import GateReport, Promotion
from training.runs.folders import run_folder
from training.runs.models import ModelVersion, TrainingRun

# Columns that hold no words of anybody, and why. Every other text column must be filled by `World`.
OURS = {
    "labelhub.User.password": "a hash",
    "labelhub.User.time_zone": "one of the zones that there are, checked where it is chosen",
    "labelhub.Project.slug": "letters, digits and hyphens, checked by the form that makes a project",
    "labelhub.Category.slug": "made by us",
    "labelhub.ApiKey.prefix": "made by us",
    "labelhub.Notice.path": "an address of ours, made by the action that tells",
    "labelhub.ApiKey.secret_sha256": "a hash",
    "labelhub.ApiKey.scopes": "of a fixed list",
    "annotations.Interaction.body_sha256": "a hash",
    "annotations.Feedback.body_sha256": "a hash",
    "annotations.ImportJob.file_sha256": "a hash",
    "annotations.Watermark.follow_up": "the name of a function of ours",
    "annotations.Queue.slug": "letters, digits and hyphens, checked by create_queue",
    "annotations.Injection.prompt_sha256": "a hash",
    "annotations.GuidanceInjection.prompt_sha256": "a hash",
    "annotations.Embedding.kind": "of a fixed list",
    "annotations.Embedding.text_sha256": "a hash",
    "training.PromptGroup.key_sha256": "a hash",
    "training.GroupMember.prompt_sha256": "a hash",
    "training.DatasetSnapshot.content_sha256": "a hash",
    "training.SnapshotRow.row_sha256": "a hash",
    "training.SnapshotRow.label_sha256": "a hash",
    "training.SnapshotRow.prompt_sha256": "a hash",
    "training.ModelVersion.adapter_sha256": "a hash",
    "training.ModelVersion.files": "two fixed names with their hashes",
    "training.ModelVersion.manifest_sha256": "a hash",
    "training.TrainingRun.base_sha256": "a hash",
    "training.TrainingRun.folder": "made by us of slug, number and random letters",
    "training.Suite.slug": "made by us",
    "training.Case.prompt_sha256": "a hash",
    "training.Evaluation.folder": "made by us of slug, number and random letters",
    "training.CaseResult.logprobs": "numbers under fixed names",
}


def text_columns() -> dict[str, models.Field[Any, Any]]:
    """app.Model.column of everything of ours that can hold words."""
    kinds = (models.CharField, models.TextField, models.JSONField, ArrayField)
    return {
        f"{model._meta.label}.{column.name}": column
        for app in ("labelhub", "annotations", "training")
        for model in apps.get_app_config(app).get_models()
        for column in model._meta.concrete_fields
        if isinstance(column, kinds) and not column.choices
    }


def holds(column: models.Field[Any, Any], text: str) -> bool:
    """Whether a row has `text`, cut to what fits, in this column."""
    rows = column.model._default_manager.values_list(column.name, flat=True)
    if isinstance(column, models.JSONField):
        return any(text in repr_of(value) for value in rows)
    return any(fit(text, column.max_length)[:20] in (value or "") for value in rows)


def repr_of(value: Any) -> str:
    """Every string of a JSON value."""
    if isinstance(value, dict):
        return "\n".join(map(repr_of, [*value, *value.values()]))
    return "\n".join(map(repr_of, value)) if isinstance(value, list) else str(value)


def fit(text: str, limit: int | None) -> str:
    return text[:limit] if limit else text


@dataclass
class World:
    """A project in which every column that can hold words holds `words`. Its admin is `by`."""

    words: str
    by: User
    rows: dict[type[models.Model], Any] = field(default_factory=dict)  # one of each model that the admin shows

    @classmethod
    def of(cls, payload: str, by: User) -> World:
        world = cls(stored_text(payload)[0], by)
        world.people()
        world.captured()
        world.scored()
        world.judged()
        world.decided()
        world.trained()
        world.evaluated()
        return world

    def keep(self, row: Any) -> Any:
        return self.rows.setdefault(type(row), row)

    def cut(self, limit: int) -> str:
        return fit(self.words, limit)

    def people(self) -> None:
        self.project = self.keep(make_project(name=self.cut(120)))
        member = Membership.objects.create(project=self.project, user=self.by, role=Role.ADMIN)
        self.keep(member)
        self.expert, self.moderator = (self.member(role) for role in (Role.EXPERT, Role.MODERATOR))
        self.keep(self.expert)
        taxonomy = self.keep(Taxonomy.objects.get(project=self.project))
        Category.objects.filter(taxonomy=taxonomy).update(name=self.cut(80), description=self.cut(300))
        self.category = Category.objects.filter(taxonomy=taxonomy).first()
        Guidelines.objects.filter(project=self.project).update(text=self.words)
        self.keep(Guidelines.objects.get(project=self.project))
        key = ApiKey(project=self.project, service=self.cut(80), prefix=f"t{self.project.pk}", secret_sha256="0" * 64)
        key.scopes, key.created_by = ["read"], self.by
        key.save()
        self.keep(key)
        job = Job(
            project=self.project, path=self.cut(200), subject=self.words, follow_up=self.cut(60), error=self.words
        )
        job.result, job.state, job.finished_at = self.words, Job.State.DEAD, timezone.now()
        job.save()
        self.keep(job)

    def member(self, role: Role) -> User:
        user = make_user(self.cut(120), key_map={"words": self.words})
        User.objects.filter(pk=user.pk).update(email=f"{self.cut(200)}{user.pk}@example.org")
        Membership.objects.create(project=self.project, user=user, role=role)
        return User.objects.get(pk=user.pk)

    def captured(self) -> None:
        self.session = Session.objects.create(project=self.project, external_id=self.cut(255))
        self.output = f"{self.words} and once more {self.words}"
        self.interactions = [self.interaction(n) for n in range(6)]
        RawPayload.objects.create(
            received_at=timezone.now(), interaction_id=self.interactions[0].pk, project_id=self.project.pk,
            body={"words": self.words},
        )  # fmt: skip
        for n, kind in enumerate(("comment", "category", "rewrite")):
            self.feedback(n, kind, interaction=self.interactions[0], session=self.session)
        self.feedback(3, "comment", about_interaction=self.cut(255), about_session=self.cut(255))
        make_vector(self.interactions[0], [0.1] * 384)
        EncoderSet.objects.get_or_create(name=self.cut(200))
        ImportJob.objects.create(
            project=self.project, file_name=self.cut(255), file_sha256="0" * 64, mapping={"output": self.words},
            rejects=[{"line": 1, "error": self.words}],
        )  # fmt: skip

    def scored(self) -> None:
        """A class that a person gave; by the judge model a low score and, instead of one, what it said."""
        about = {"description": self.words, "by": self.by}
        judge = {"model": self.cut(120), "note": self.cut(1_000)}
        named = make_metric(self.project, self.cut(60), kind="class", **about)
        make_score(named, self.interactions[0], None, label=self.cut(80), by=self.by)
        rubric = make_rubric(self.project, **about)
        for interaction, value in zip(self.interactions[:2], (0.1, None), strict=True):
            make_score(rubric, interaction, value, **judge)

    def interaction(self, n: int) -> Interaction:
        said = [{"role": "user", "content": self.words}, {"role": "assistant", "content": self.words}]
        return make_interaction(
            self.project, session=self.session, external_id=f"{self.cut(250)}{n}", prompt=self.words, output=self.output,
            system_context=self.words, turns=said, model_version=self.cut(120), prompt_version=self.cut(120),
            documents=[{"title": self.words, "text": self.words, "url": self.words}], environment=self.cut(40),
            user_role=self.cut(40), metadata={self.words: self.words}, confidence=0.4,
        )  # fmt: skip

    def feedback(self, n: int, kind: str, **about: Any) -> None:
        Feedback.objects.create(
            project=self.project, external_id=f"{self.cut(250)}{n}", body_sha256="0" * 64, kind=kind, text=self.words,
            end_user=self.cut(255), occurred_at=timezone.now(), **about,
        )  # fmt: skip

    def judged(self) -> None:
        self.queue = self.keep(
            Queue.objects.create(project=self.project, slug="words", name=self.cut(120), instructions=self.words)
        )
        tasks = [self.task(row) for row in self.interactions]
        self.waiting = self.label(tasks[0], self.expert)
        approved = self.label(tasks[1], self.expert, state="approved")
        self.approval = Approval.objects.create(
            project=self.project, label=approved, interaction=self.interactions[1], by=self.moderator, note=self.words
        )
        Label.objects.filter(pk=self.waiting.pk).update(revises=approved)  # so that its page shows both
        self.revisable = self.label(tasks[5], self.by, state="approved")
        Approval.objects.create(
            project=self.project, label=self.revisable, interaction=self.interactions[5], by=self.moderator
        )
        Claim.objects.create(task=tasks[5], by=self.by, state="done", leased_until=timezone.now())
        back = self.label(tasks[2], self.by, state="open")
        Return.objects.create(label=back, by=self.moderator, reason=self.words)
        self.held = Claim.objects.create(
            task=tasks[3], by=self.by, leased_until=timezone.now() + timezone.timedelta(hours=1)
        )
        Draft.objects.create(task=tasks[3], by=self.by, content=self.draft())
        Claim.objects.create(
            task=tasks[4], by=self.by, state="released", skip_reason=self.cut(300), leased_until=timezone.now()
        )

        self.differ()
        self.choose()

    def differ(self) -> None:
        """Two tasks that two people judged: one that nobody has settled, and one settled against who looks."""
        queue = Queue.objects.create(
            project=self.project, slug="several", name=self.cut(120), instructions=self.words, overlap=2
        )
        disputed, settled = (
            ReviewTask.objects.create(project=self.project, queue=queue, interaction=row, reason=self.cut(300))
            for row in self.interactions[:2]
        )
        self.disputed = disputed
        for author in self.expert, self.moderator:
            label = self.label(disputed, author)
        LabelCategory.objects.filter(label=label).delete()
        chosen, against = self.label(settled, self.expert), self.label(settled, self.by)
        adjudication = Adjudication.objects.create(task=settled, label=chosen, by=self.moderator, reason=self.words)
        self.overruled = Overruling.objects.create(label=against, adjudication=adjudication).label

    def choose(self) -> None:
        """Pairs: one that waits for a second person, one that is held."""
        queue = Queue.objects.create(
            project=self.project, slug="pairs", name=self.cut(120), instructions=self.words, mode="pairwise"
        )
        chosen, held = (
            ReviewTask.objects.create(
                project=self.project, queue=queue, interaction=row, reason=self.cut(300), candidate=self.candidate(row)
            )
            for row in self.interactions[:2]
        )
        self.choice = Label.objects.create(
            project=self.project, task=chosen, author=self.expert, verdict="b", note=self.words, swapped=True,
            taxonomy=self.project.taxonomy, guidelines=self.project.guidelines,
        )  # fmt: skip
        LabelCategory.objects.create(label=self.choice, category=self.category)
        ReviewTask.objects.filter(pk=chosen.pk).update(state="submitted")
        hour = timezone.timedelta(hours=1)
        Claim.objects.create(task=held, by=self.by, leased_until=timezone.now() + hour, swapped=True)

    def candidate(self, interaction: Interaction) -> Candidate:
        return Candidate.objects.create(
            project=self.project, interaction=interaction, text=f"{self.words} instead", version=self.cut(200)
        )

    def task(self, interaction: Interaction) -> ReviewTask:
        return ReviewTask.objects.create(
            project=self.project, queue=self.queue, interaction=interaction, reason=self.cut(300)
        )

    def draft(self) -> dict[str, Any]:
        comment = {
            "start": 0,
            "end": len(self.words),
            "exact": self.words,
            "text": self.words,
            "replacement": self.words,
        }
        content, _ = stored_value(
            {"verdict": "flawed", "rewrite": f"{self.words} rewritten", "note": self.words, "comments": [comment],
             "categories": [{"category": self.category.slug, "severity": 2}], "root_cause": self.words,
             "confidence": self.words}
        )  # fmt: skip
        return content

    def label(self, task: ReviewTask, author: User, *, state: str = "submitted") -> Label:
        label = Label.objects.create(
            project=self.project, task=task, author=author, verdict="flawed", rewrite=f"{self.words} rewritten",
            note=self.words, taxonomy=self.project.taxonomy, guidelines=self.project.guidelines,
        )  # fmt: skip
        LabelCategory.objects.create(label=label, category=self.category)
        SpanComment.objects.create(
            label=label, start=0, end=len(self.words), exact=self.words, prefix=self.cut(32), suffix=self.cut(32),
            text=self.words, category=self.category, replacement=self.words,
        )  # fmt: skip
        Reply.objects.create(comment=label.comments.get(), by=self.moderator, text=self.words)
        Notice.objects.create(
            project=self.project, user=self.by, by=self.moderator, text=self.cut(300), path=f"/p/{self.project.slug}/"
        )
        ReviewTask.objects.filter(pk=task.pk).update(state=state)
        return label

    def decided(self) -> None:
        rule = self.keep(
            Rule.objects.create(
                project=self.project, kind=Rule.Kind.WORDS, name=self.cut(60), words=self.words, active=False
            )
        )
        guidance = self.keep(
            Guidance.objects.create(
                project=self.project, trigger=self.words, instruction=self.words, author=self.moderator
            )
        )
        GuidanceRetirement.objects.create(guidance=guidance, by=self.by, reason=self.cut(300))
        self.keep(SavedView.objects.create(project=self.project, by=self.by, name=self.cut(40), words=self.cut(100)))
        flags = [
            Flag.objects.create(
                project=self.project, session=self.session, interaction=row, kind="defect", rule=rule,
                evidence=self.cut(300),
            )
            for row in self.interactions[:2]
        ]  # fmt: skip
        decision = Decision.objects.create(
            project=self.project, session=self.session, kind="route", by=self.moderator, queue=self.queue,
            reason=self.cut(300),
        )  # fmt: skip
        decision.flags.set(flags[1:])
        issue = ProductIssue.objects.create(project=self.project, title=self.cut(200), by=self.moderator)
        Decision.objects.create(
            project=self.project, session=self.session, kind="product_issue", by=self.moderator, issue=self.keep(issue)
        ).flags.set(
            [
                Flag.objects.create(
                    project=self.project,
                    session=self.session,
                    interaction=flags[0].interaction,
                    kind="defect",
                    raised_by=self.moderator,
                    evidence=self.cut(300),
                )
            ]
        )

    def trained(self) -> None:
        snapshot = self.keep(make_snapshot(self.project, rows=1, parameters={"words": self.words}, by=self.expert))
        make_row(
            snapshot, 7, self.words, f"{self.words} rewritten", kind="correction", approval=self.approval,
            interaction=self.interactions[1], source=self.cut(120),
        )  # fmt: skip
        make_row(snapshot, 8, self.words, self.words, interaction=self.interactions[0], source=self.cut(120))
        LeftOut.objects.create(snapshot=snapshot, reason="no_text", detail=self.cut(300))
        recipe = {**QUICK.to_json(), "name": self.words}
        self.run = self.keep(
            make_run(
                self.project, snapshot=snapshot, launched_by=self.expert, reason=self.cut(300), recipe=recipe,
                token=f"{self.cut(50)}{self.project.pk}", base_model=self.cut(500), failure=self.words,
            )
        )  # fmt: skip
        folder = run_folder(self.run)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).write_text(f"{self.words}\n", errors="replace")
        self.version = self.keep(make_version(self.project, run=self.run))

    def evaluated(self) -> None:
        done = make_evaluation(self.version, held_out=(0, 0, 0), siblings=(0, 0, 0))
        suite = Suite.objects.filter(project=self.project).first()
        Suite.objects.filter(pk=suite.pk).update(name=self.cut(120))
        self.keep(suite)
        case = make_case(
            suite, self.words, self.words, rejected=self.words, external_id=self.cut(255), approval=self.approval,
            interaction=self.interactions[1], retired_at=timezone.now(), retired_reason=self.cut(300),
        )  # fmt: skip
        CaseResult.objects.create(
            evaluation=done, case=case, slice="corrected", seen=False, before_exact=True, after_exact=False,
            before_output=self.words, after_output=f"{self.words} now",
        )  # fmt: skip
        rule = {"rule": self.words, "value": self.words, "limit": self.words, "passed": False}
        report = GateReport.objects.create(project=self.project, evaluation=done, passed=False, rules=[rule])
        failed = Evaluation.objects.create(
            project=self.project, version=self.version, state="failed", failure=self.words, finished_at=timezone.now()
        )
        self.keep(failed)
        self.keep(
            Promotion.objects.create(
                project=self.project, version=self.version, slot="production", by=self.moderator, note=self.cut(300),
                gate_report=report,
            )
        )  # fmt: skip


ADMINISTERED = [
    Project, Membership, User, ApiKey, Job, Taxonomy, Guidelines, Queue, TrainingRun, DatasetSnapshot, Suite, Evaluation,
    Promotion, ModelVersion,
]  # fmt: skip
