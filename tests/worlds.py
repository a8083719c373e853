"""A project in which everything has happened once, as the product itself would leave it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models.functions import Now

from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.models import Feedback, ImportJob, Interaction, RawPayload, Watermark
from annotations.guidance.actions import approve_guidance, draft, retire_guidance
from annotations.guidance.models import Guidance, GuidanceInjection, Injection
from annotations.recall.models import Embedding
from annotations.review.actions.adjudications import choose
from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.calibration import calibrate_with
from annotations.review.actions.claims import skip
from annotations.review.actions.drafts import save_draft
from annotations.review.actions.pairs import Pair, add_pairs
from annotations.review.actions.suggestions import keep_outcomes
from annotations.review.models import Adjudication, Approval, Claim, Label, Queue, Return, ReviewTask, Suggestion
from annotations.triage.actions.decisions import dismiss, route, take
from annotations.triage.actions.flags import flag, raise_flags, rules_of
from annotations.triage.actions.issues import make_issue_of
from annotations.triage.actions.saved_views import save_view
from annotations.triage.models import Decision, Flag
from labelhub import jobs
from labelhub.jobs.models import Job
from labelhub.jobs.tasks import run
from labelhub.keys.models import Scope
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_claim,
    make_key,
    make_label,
    make_member,
    make_metric,
    make_project,
    make_queue,
    make_rubric,
    make_score,
    make_vector,
)

DIMENSIONS = 384
QUESTIONS = [
    ("How much is the lantern?", "The lantern costs 45 euros."),
    ("Do you ship to Norway?", "Yes, in 5 days."),
    ("May I return the tent?", "No."),
    ("How heavy is the rucksack?", "It weighs 2 kg."),
    ("Is the kettle on sale?", "Ask us again tomorrow."),
]


@contextmanager
def undone_after() -> Iterator[None]:
    """A transaction, or a part of one, that leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass
class Annotated:
    project: Project
    expert: User
    moderator: User
    admin: User
    interactions: list[Interaction]
    parked: Feedback
    queue: Queue
    approval: Approval  # of a correction with a category and a span comment
    good: Approval
    returned: Return
    waiting: Label
    calibrated: Label  # of a calibration item
    held: Claim
    routed: Decision
    dismissed: Decision
    injection: Injection
    done: Job
    adjudication: Adjudication  # of two labels, approved first
    guidance: Guidance  # active, and told once

    @property
    def corrected(self) -> Label:
        return self.approval.label

    def embedding(self, number: int = 0) -> Embedding:
        return Embedding.objects.get(kind="prompt", object_id=self.interactions[number].pk)


def annotated_world() -> Annotated:
    project = make_project()
    project.test_share = 0.0
    project.save()
    expert, moderator, admin = (make_member(project, role) for role in (Role.EXPERT, Role.MODERATOR, Role.ADMIN))
    make_key(project, Scope.INGEST)
    make_key(project, Scope.LABEL, person=expert)
    interactions = _captured(project)
    queue = make_queue(project)
    flags = _flags(project, interactions)
    routed, *_ = [route(flag.session, queue=queue, by=moderator, reason="wrong") for flag in flags[:4]]
    dismissed = dismiss(flags[4].session, by=moderator, reason="out of date")
    take(flags[0].session, by=moderator)
    save_view(project, by=moderator, name="Harmful", rule=flags[0].rule, severity=3)
    make_score(make_rubric(project, by=moderator), interactions[0], 0.1, note="No such price.", model="judge-1")
    make_score(make_metric(project, kind="class", by=moderator), interactions[1], None, label="kind", by=moderator)
    flag(interactions[5], by=expert, reason="The parcel is late.")
    make_issue_of(interactions[5].session, title="Parcels are late", by=moderator)
    tasks = [ReviewTask.objects.get(interaction=interaction, queue=queue) for interaction in interactions[:4]]
    span = {"start": 18, "end": 20, "exact": "45", "replacement": "39", "category": "factually-incorrect"}
    label = make_label(tasks[0], expert, **FLAWED, comments=[span], note="the new price list")
    approval = approve(label, by=moderator, note="yes")
    good = approve(make_label(tasks[1], expert, verdict="good"), by=moderator)
    sent_back = make_label(tasks[2], expert, **FLAWED, rewrite="Yes, within 30 days.")
    returned = send_back(sent_back, by=moderator, reason="Say how.")
    waiting = make_label(tasks[3], expert, **FLAWED, rewrite="It weighs 3 kg.")
    category = label.categories.get().category
    Suggestion.objects.create(task=tasks[3], category=category, confidence=0.8, cases=5)
    keep_outcomes(waiting)
    calibrated = make_label(calibrate_with(good.label, by=moderator), make_member(project), **FLAWED)
    pairs = make_queue(project, mode="pairwise")
    add_pairs(pairs, [Pair(interactions[0].pk, interactions[0].output, "39 euros.", "v2")], by=moderator)
    approve(make_label(ReviewTask.objects.get(queue=pairs), expert, verdict="b"), by=moderator)
    held = make_claim(tasks[2], make_member(project))
    save_draft(tasks[2], by=held.by, fence=held.fence, version=0, content={"note": "hm"})
    skip(make_claim_of_another(queue, project), by=moderator, reason="not mine")
    injection = Injection.objects.create(project=project, approval=approval, prompt_sha256="0" * 64, similarity=0.97)
    injection.refresh_from_db()
    guidance = _guided(project, moderator, admin)
    adjudication = _settled(project, interactions[4])
    done = jobs.enqueue("tests.worlds.nothing", project=project)
    run(done.pk)
    done.refresh_from_db()
    approval.refresh_from_db()
    return Annotated(
        project, expert, moderator, admin, interactions, Feedback.objects.parked().get(project=project), queue, approval,
        good, returned, waiting, calibrated, held, routed, dismissed, injection, done,
        adjudication, guidance,
    )  # fmt: skip


def _settled(project: Project, interaction: Interaction) -> Adjudication:
    """Two people disagreed; what a third has chosen waits for the second of two approvals."""
    queue = make_queue(project, overlap=2, approve_twice="every")
    task = ReviewTask.objects.create(project=project, queue=queue, interaction=interaction, reason="by hand")
    chosen, _ = make_label(task, make_member(project), **FLAWED), make_label(task, make_member(project), verdict="good")
    return choose(chosen, by=make_member(project, Role.MODERATOR), reason="It is on sale.", ground="checked")


def _guided(project: Project, author: User, by: User) -> Guidance:
    """Active guidance that a prompt was told; another was given up."""
    asked = "May I return what I have used?"
    retired = draft(project, by=author, trigger=asked, instruction="Say no.")
    retire_guidance(retired, by=author, reason="Too short.")
    active = draft(project, by=author, trigger=asked, instruction="Say within how many days, and in what state.")
    approve_guidance(active, by=by)
    GuidanceInjection.objects.create(project=project, guidance=active, prompt_sha256="0" * 64, similarity=0.9)
    return active


def nothing(_subject: str) -> str:
    return "nothing"


def make_claim_of_another(queue: Queue, project: Project) -> Claim:
    interaction = _ask(project, 99, "What is a tarp?", "A sheet.")
    task = ReviewTask.objects.create(project=project, queue=queue, interaction=interaction, reason="by hand")
    moderator = project.membership_set.filter(role=Role.MODERATOR).first()
    assert moderator is not None
    return make_claim(task, moderator.user)


def _ask(project: Project, number: int, prompt: str, output: str, **over: Any) -> Interaction:
    item = {
        "external_id": f"call-{number}", "session": f"talk-{number}", "output": output, "confidence": 0.9,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": prompt}], **over,
    }  # fmt: skip
    outcome = ingest_interactions(project, [item])[0]
    assert outcome.fine, outcome
    return Interaction.objects.get(pk=outcome.id)


def _captured(project: Project) -> list[Interaction]:
    interactions = [_ask(project, n, *question) for n, question in enumerate(QUESTIONS)]
    interactions.append(_ask(project, 5, "What\x00?", "That.", token_logprobs=[-0.5], metadata={"shop": "north"}))
    for n, interaction in enumerate(interactions):
        vector = np.zeros(DIMENSIONS, np.float32)
        vector[n] = 1
        make_vector(interaction, vector)
    signs = [
        {"external_id": f"sign-{n}", "interaction": f"call-{n}", "kind": "thumb", "value": -1}
        for n in range(len(QUESTIONS))
    ]
    signs.append({"external_id": "sign-early", "interaction": "call-to-come", "kind": "comment", "text": "why?"})
    assert all(outcome.fine for outcome in ingest_feedback(project, signs))
    for follow_up in ("embed_captured", "flag_captured", "flag_reactions"):
        Watermark.objects.create(follow_up=follow_up, project=project, position=1)
    Watermark.objects.filter(follow_up="embed_captured").update(position=interactions[-1].pk)
    ImportJob.objects.create(
        project=project, file_name="old.jsonl", file_sha256="0" * 64, mapping={}, state="done", lines=2, created=1,
        already_there=1, finished_at=Now(),
    )  # fmt: skip
    assert RawPayload.objects.filter(project_id=project.pk).exists()
    return interactions


def _flags(project: Project, interactions: list[Interaction]) -> list[Flag]:
    by_kind = {rule.kind: rule for rule in rules_of(project)}
    found = [(by_kind["thumb_down"], interaction, "thumb down") for interaction in interactions[:4]]
    raise_flags(project, [*found, (by_kind["copied"], interactions[4], "copied")])
    return list(Flag.objects.filter(project=project).order_by("pk"))
