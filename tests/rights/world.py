"""Two projects with one of everything, and everybody who might call: what the rights matrix is tried on."""

from dataclasses import dataclass, field
from typing import Any

from annotations.guidance.models import Guidance
from annotations.triage.actions.flags import rules_of
from annotations.triage.models import Decision, Flag, ProductIssue, SavedView
from labelhub.jobs.models import Job
from labelhub.keys.models import SERVICE_SCOPES, ApiKey, Scope
from labelhub.people.models import User
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import Role
from tests.factories import (
    FLAWED,
    make_claim,
    make_interaction,
    make_key,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
    make_user,
)
from tests.training.makers import make_evaluation, make_run, make_snapshot, make_version
from training.evaluation.models import Case, Suite
from training.registry.actions import report
from training.registry.models import Promotion

SPAN = {"start": 0, "end": 3, "exact": "The", "text": "Not so."}
UNKNOWN = 2**31 - 9  # an id that nothing has


@dataclass(frozen=True)
class Actor:
    """Somebody who calls: nobody, a signed-in person, or a key."""

    name: str
    role: str = ""  # in the own project; 'operator' and 'stranger' have none there
    person: User | None = None
    key: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def signed_in(self) -> bool:
        return self.person is not None and not self.key


@dataclass
class Place:
    """A project and the ids of what is in it; numbers start at `first`, so that no two projects share one."""

    project: Project
    first: int
    members: dict[str, User] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)  # claimed by the member of that role
    decisions: dict[str, int] = field(default_factory=dict)
    views: dict[str, int] = field(default_factory=dict)  # saved by them
    labels: dict[str, int] = field(default_factory=dict)  # written by them
    comments: dict[str, int] = field(default_factory=dict)  # on those
    ids: dict[str, Any] = field(default_factory=dict)

    def id_for(self, pattern: str, role: str) -> Any:
        """What stands in `pattern` for the row, as a member of `role` would name it."""
        if "tasks/<int" in pattern:
            return self.tasks[role]
        if "views/<int" in pattern:
            return self.views[role]
        if "decisions/<int" in pattern:
            return self.decisions[role]
        if "comments/<int" in pattern:
            return self.comments[role]
        if pattern.endswith(
            ("/labels/<int:pk>/", "/labels/<int:pk>/withdrawal/", "/labels/<int:pk>/revision/")
        ):  # one's own
            return self.labels[role]
        for mark, name in MARKS:
            if mark in pattern:
                return self.ids[name]
        raise KeyError(f"world.py names no row for {pattern}: add one to MARKS.")


MARKS = [
    ("/q/<slug", "queue"), ("approvals/<int", "label"), ("adjudications/<int", "disputed"), ("labels/<int", "label"), ("triage/<int", "session"), ("rules/<int", "rule"), ("guidance/<int", "guidance"), ("issues/<int", "issue"), ("sessions/<int", "session"),
    ("interactions/<int", "interaction"), ("evaluations/<int", "evaluation"), ("snapshots/<int", "number"),
    ("runs/<int", "number"), ("versions/<int", "number"), ("queues/<slug", "queue"), ("suites/<slug", "suite"), ("v1/cases/<int", "case"), ("/cases/<int", "interaction"),
    ("trainingrun/<", "run"), ("modelversion/<", "version"), ("labelhub/project/<", "project"),
    ("membership/<", "membership"), ("user/<", "user"), ("apikey/<", "key"), ("job/<", "job"),
    ("taxonomy/<", "taxonomy"), ("guidelines/<", "guidelines"), ("datasetsnapshot/<", "snapshot"),
    ("annotations/queue/<", "queue_pk"), ("suite/<", "suite_pk"), ("suite/case/<", "case"), ("evaluation/<", "evaluation"), ("promotion/<", "promotion"),
]  # fmt: skip


def make_place(slug: str, first: int) -> Place:
    project = make_project(slug=slug, name=slug.title())
    place = Place(project, first, {role: make_member(project, role) for role in Role.values})
    queue, author = make_queue(project), make_member(project, name="Author")
    for role, person in place.members.items():
        place.tasks[role] = make_claim(make_task(queue), person).task_id
        label = make_label(make_task(queue), person, **FLAWED, comments=[SPAN])
        place.labels[role], place.comments[role] = label.pk, label.comments.get().pk
    interaction = make_interaction(project)
    flag = {"project": project, "interaction": interaction, "session": interaction.session, "kind": "defect"}
    Flag.objects.create(**flag, evidence="thumb down")
    for role, person in place.members.items():
        fields = {"project": project, "session": interaction.session, "by": person}
        place.views[role] = SavedView.objects.create(project=project, by=person, name="Mine").pk
        place.decisions[role] = Decision.objects.create(**fields, kind="dismiss", reason="noise").pk
    disputed = make_task(make_queue(project, overlap=2))
    make_label(disputed, author)
    make_label(disputed, make_member(project), verdict="good")
    place.ids = {
        "guidance": Guidance.objects.create(project=project, author=author, trigger="Is it?", instruction="Say so.").pk,
        "disputed": disputed.pk, "label": make_label(make_task(queue), author).pk, "session": interaction.session_id, "rule": rules_of(project)[0].pk,
        "issue": ProductIssue.objects.create(project=project, title="Slow parcels", by=person).pk, "queue": queue.slug, "queue_pk": queue.pk,
        "interaction": interaction.pk,
        "project": project.pk, "membership": Membership.objects.get(user=author).pk, "user": author.pk,
        "job": Job.objects.create(path="tests.none", project=project).pk, "number": first,
        "taxonomy": project.taxonomy.pk, "guidelines": project.guidelines.pk,
    }  # fmt: skip
    make_key(project, Scope.READ)
    place.ids["key"] = ApiKey.objects.get(project=project).pk
    make_trained(place)
    return place


def make_trained(place: Place) -> None:
    project, number = place.project, place.first
    run = make_run(project, number=number, snapshot=make_snapshot(project, number=number))
    version = make_version(project, number=number, run=run)
    evaluation = make_evaluation(version)
    gate = report(evaluation)
    promotion = Promotion.objects.create(
        project=project, version=version, slot="staging", by=place.members["admin"], gate_report=gate
    )
    suite = Suite.objects.filter(project=project).first()
    assert suite
    place.ids |= {
        "snapshot": run.snapshot_id, "run": run.pk, "version": version.pk, "evaluation": evaluation.pk,
        "promotion": promotion.pk, "suite": suite.slug, "suite_pk": suite.pk,
        "case": Case.objects.of(project).asked().earliest("pk").pk,
    }  # fmt: skip


def make_actors(place: Place) -> list[Actor]:
    """Everybody, as `place`'s project sees them."""
    project, members = place.project, place.members
    elsewhere = make_project()
    people = [
        Actor("anon"),
        Actor("outsider", "outsider", make_user()),
        Actor("stranger", "stranger", make_member(elsewhere, Role.ADMIN)),
        Actor("operator", "operator", make_user(is_superuser=True)),
        *(Actor(role, role, person) for role, person in members.items()),
    ]
    for actor in people:
        if actor.person:  # a password that is set, though nobody knows it
            actor.person.password = "set"
            actor.person.save()
    admin, every = members["admin"], frozenset(Scope.values)
    keys = [Actor(f"{s} key", "admin", admin, make_key(project, s, person=admin), frozenset([s])) for s in Scope.values]
    keys += [
        Actor(f"{role}'s key of every scope", role, person, make_key(project, *every, person=person), every)
        for role, person in members.items()
    ]
    keys += [
        Actor(f"a service's {s} key", "service", None, make_key(project, s), frozenset([s]))
        for s in sorted(SERVICE_SCOPES)
    ]
    gone = make_member(project, Role.ADMIN)
    keys.append(Actor("key of one who left", "stranger", gone, make_key(project, *every, person=gone), every))
    Membership.objects.filter(user=gone).delete()
    return people + keys
