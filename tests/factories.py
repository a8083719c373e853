"""Plain functions that make what a test needs. Every argument can be overridden; nothing is made that was not asked for."""

import itertools
from typing import Any

import numpy as np
from django.utils import timezone
from pgvector import HalfVector

from annotations.capture.models import Feedback, Interaction, Metric, Score, Session
from annotations.capture.scoring import JUDGE
from annotations.recall.actions import PROMPT, current_set, text_sha256
from annotations.recall.models import Embedding
from annotations.review.actions.approvals import approve
from annotations.review.actions.claims import claim
from annotations.review.actions.labels import submit
from annotations.review.models import Approval, Claim, Label, Queue, ReviewTask
from labelhub.keys.models import ApiKey
from labelhub.people.models import User
from labelhub.projects.actions import create_project
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Role

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


def make_user(name: str = "", **over: Any) -> User:
    n = next(_numbers)
    return User.objects.create_user(**{"email": f"person{n}@example.org", "name": name or f"Person {n}", **over})


def make_project(**over: Any) -> Project:
    operator = over.pop("by", None) or make_user("Olga", is_superuser=True)
    n = next(_numbers)
    return create_project(**{"slug": f"project-{n}", "name": f"Project {n}", "by": operator, **over})


def make_member(project: Project, role: str = Role.EXPERT, **over: Any) -> User:
    user = make_user(**over)
    Membership.objects.create(project=project, user=user, role=role)
    return user


def make_key(project: Project, *scopes: str, person: User | None = None) -> str:
    """The key's text; without a person it belongs to a service. Past the action, which gives no scope beyond a role."""
    maker, service = person or make_member(project, Role.ADMIN), "" if person else "checkout"
    fields = {"project": project, "person": person, "service": service, "scopes": list(scopes), "created_by": maker}
    return ApiKey.objects.issue(**fields)[1]


def make_session(project: Project, **over: Any) -> Session:
    return Session.objects.create(**{"project": project, "external_id": f"session-{next(_numbers)}", **over})


def make_interaction(project: Project, **over: Any) -> Interaction:
    session = over.pop("session", None) or make_session(project)
    fields = {
        "project": project, "session": session, "external_id": f"interaction-{next(_numbers)}", "body_sha256": "0" * 64,
        "occurred_at": timezone.now(), "prompt": "How much is the lantern?", "output": "The lantern costs 45 euros.",
        "model_version": "starter",
    }  # fmt: skip
    interaction = Interaction.objects.create(**{**fields, **over})
    interaction.refresh_from_db()
    return interaction


def make_feedback(interaction: Interaction, kind: str = "thumb", **over: Any) -> Feedback:
    fields = {
        "project": interaction.project, "interaction": interaction, "session": interaction.session, "kind": kind,
        "external_id": f"feedback-{next(_numbers)}", "body_sha256": "0" * 64, "occurred_at": timezone.now(),
        "value": -1 if kind == "thumb" else None,
    }  # fmt: skip
    return Feedback.objects.create(**{**fields, **over})


def make_queue(project: Project, **over: Any) -> Queue:
    n = next(_numbers)
    fields = {"project": project, "slug": f"queue-{n}", "name": f"Queue {n}", "random_tenth": False}
    return Queue.objects.create(**{**fields, **over})


def make_task(queue: Queue, interaction: Interaction | None = None, **over: Any) -> ReviewTask:
    interaction = interaction or make_interaction(queue.project)
    return ReviewTask.objects.create(
        **{
            "project": queue.project,
            "queue": queue,
            "interaction": interaction,
            "reason": "thumb down",
            "rank": over.get("priority", 0),
            **over,
        }
    )


def make_metric(project: Project, name: str = "tone", **over: Any) -> Metric:
    fields = {
        "project": project, "name": name, "source": Metric.Source.PERSON, "description": "Is it kind?", "threshold": 0.5,
    }  # fmt: skip
    return Metric.objects.create(**{**fields, **over})


def make_rubric(project: Project, **over: Any) -> Metric:
    """What the judge model is asked by; about all answers."""
    return make_metric(project, JUDGE, **{"source": Metric.Source.JUDGE, "share": 1, **over})


def make_score(metric: Metric, interaction: Interaction, value: float | None = 0.2, **over: Any) -> Score:
    fields = {"project": metric.project, "metric": metric, "interaction": interaction, "value": value}
    return Score.objects.create(**{**fields, **over})


def make_claim(task: ReviewTask, by: User) -> Claim:
    return claim(task, by=by)


FLAWED = {"verdict": "flawed", "categories": [{"category": "factually-incorrect", "severity": 2}]}


def make_label(task: ReviewTask, by: User, **payload: Any) -> Label:
    """A submitted label; flawed with a rewrite unless `payload` says otherwise."""
    payload = payload or {**FLAWED, "rewrite": "The lantern costs 39 euros."}
    return submit(task, by=by, fence=make_claim(task, by).fence, payload=payload)


def make_approval(project: Project, *, prompt: str = "How much is the lantern?", output: str = "The lantern costs 45 euros.",
                  rewrite: str = "The lantern costs 39 euros.", expert: User | None = None,
                  moderator: User | None = None) -> Approval:  # fmt: skip
    """An approved label on an interaction of its own; `rewrite=""` makes it good as it is."""
    expert = expert or make_member(project)
    moderator = moderator or make_member(project, Role.MODERATOR)
    queue = Queue.objects.filter(project=project).first() or make_queue(project)
    task = make_task(queue, make_interaction(project, prompt=prompt, output=output))
    payload = {**FLAWED, "rewrite": rewrite} if rewrite else {"verdict": "good"}
    return approve(make_label(task, expert, **payload), by=moderator)


def make_vector(interaction: Interaction, vector: Any) -> None:
    """Give the interaction's prompt this vector [384], as the encoder would."""
    Embedding.objects.create(
        encoder_set=current_set(), project=interaction.project, kind=PROMPT, object_id=interaction.pk,
        text=interaction.prompt, text_sha256=text_sha256(interaction.prompt), vector=HalfVector(np.asarray(vector, np.float32)),
    )  # fmt: skip
