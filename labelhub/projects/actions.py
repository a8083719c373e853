"""Making projects, deciding who belongs to them and by what they judge."""

from collections.abc import Sequence

from django.db import transaction

from labelhub import jobs
from labelhub.errors import Conflict, Invalid, NotAllowed, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.models import Category, Guidelines, Membership, Project, Taxonomy
from labelhub.projects.outline import Entry, checked
from labelhub.projects.rights import RIGHTS, Right, Role

FIRST_CATEGORIES = [
    Entry("factually-incorrect", "Factually incorrect", "Something it says is not so."),
    Entry("too-vague", "Too vague", "Nothing in it helps the person to act."),
    Entry("wrong-tone", "Wrong tone", "Right words for somebody else."),
    Entry("incomplete", "Incomplete", "What it says is right; something needed is missing."),
    Entry("misread-intent", "Misread intent", "It answers a question that was not asked."),
    Entry("unsafe", "Unsafe", "Following it could hurt somebody."),
    Entry("other", "Other", "None of these: say what in the note."),
]
MOST_GUIDELINES = 50_000  # characters
FIRST_GUIDELINES = """# How to judge an answer

1. Read the question first, then the answer, then the documents that the model was given.
2. Choose every category that applies, and how bad it is: 1 hardly matters, 2 misleads, 3 does harm.
3. Write the answer that should have been given: complete, in the product's tone, ready to send.
4. A general rule carries to items that nobody corrected. A single fact (one product's price) does not:
   correct each fact once, or write the rule.
5. Nothing wrong? Say so: good answers keep the model from forgetting them.
"""


@transaction.atomic
def create_project(*, slug: str, name: str, by: User, two_person_promotion: bool = True) -> Project:
    """A project with its first taxonomy and guidelines; `by` must be an operator and becomes its admin."""
    ensure(by.is_superuser and by.is_active, NotAllowed("Only an operator makes projects."))
    project = Project.objects.create(slug=slug, name=name, two_person_promotion=two_person_promotion)
    Membership.objects.create(project=project, user=by, role=Role.ADMIN)
    _put(Taxonomy.objects.create(project=project, version=1, by=by), FIRST_CATEGORIES)
    Guidelines.objects.create(project=project, version=1, text=FIRST_GUIDELINES, by=by)
    return project


@transaction.atomic
def save_taxonomy(project: Project, entries: Sequence[Entry], *, after: int, by: User) -> Taxonomy:
    """The next version of the categories. What was judged before stays pinned to the version that it was judged by.

    Raises NotAllowed, StaleState when `after` is not the newest version any more, Invalid where nothing changes.
    """
    ensure_right(by, project, Right.CURATE)
    newest = _locked(project).taxonomy
    _ensure_newest(newest, after)
    entries = checked(entries)
    ensure(entries != newest.entries, Invalid("Nothing is changed: the categories are these already."))
    taxonomy = Taxonomy.objects.create(project=project, version=after + 1, by=by)
    _put(taxonomy, entries)
    return taxonomy


@transaction.atomic
def save_guidelines(project: Project, text: str, *, after: int, by: User) -> Guidelines:
    """The next version of the instructions; who judges is shown once what has changed. Raises as `save_taxonomy`."""
    ensure_right(by, project, Right.CURATE)
    newest = _locked(project).guidelines
    _ensure_newest(newest, after)
    ensure(text.strip(), Invalid("Write how to judge: nobody can follow empty guidelines.", field="text"))
    fits = len(text) <= MOST_GUIDELINES
    ensure(fits, Invalid(f"Guidelines have at most {MOST_GUIDELINES:,} characters.", field="text"))
    ensure(text.strip() != newest.text.strip(), Invalid("Nothing is changed: the guidelines say this already."))
    return Guidelines.objects.create(project=project, version=after + 1, text=text, by=by)


def _locked(project: Project) -> Project:
    """Of two who save at once the second sees the first one's version."""
    return Project.objects.select_for_update().get(pk=project.pk)


def _ensure_newest(newest: Taxonomy | Guidelines, after: int) -> None:
    ensure(
        newest.version == after, StaleState(f"{newest} was saved meanwhile: look at it, and put in what is missing.")
    )


def _put(taxonomy: Taxonomy, entries: Sequence[Entry]) -> None:
    made: dict[str, Category] = {}
    for position, entry in enumerate(entries, start=1):
        made[entry.slug] = Category.objects.create(
            taxonomy=taxonomy, parent=made.get(entry.parent), slug=entry.slug, name=entry.name,
            description=entry.description, position=position,
        )  # fmt: skip


@transaction.atomic
def add_member(project: Project, user: User, *, role: Role, by: User) -> Membership:
    """Give `user` a role in `project`, or change it.

    Raises NotAllowed unless `by` manages the project, Conflict where it would be left without an admin.
    """
    ensure_right(by, project, Right.MANAGE)
    if role != Role.ADMIN:
        ensure_another_admin(project, user)
    membership, is_new = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
    if not is_new:
        jobs.wake("left", project)  # with a lesser role they may hold what they may not judge any more
    return membership


@transaction.atomic
def remove_member(project: Project, user: User, *, by: User) -> None:
    """Raises NotAllowed unless `by` manages the project, Conflict for its last admin."""
    ensure_right(by, project, Right.MANAGE)
    ensure_another_admin(project, user)
    Membership.objects.filter(project=project, user=user).delete()
    jobs.wake("left", project)


def ensure_another_admin(project: Project, user: User) -> None:
    """Raises Conflict if nobody who can sign in would manage `project` without `user`, who does.

    The rows stay locked until the caller commits: of two admins who remove each other, the second sees that. Who can
    sign in is asked once they are locked: an account may have been closed while they were waited for.
    """
    admins = Membership.objects.filter(project=project, role=Role.ADMIN)
    list(admins.select_for_update().order_by("pk").values_list("pk", flat=True))
    ids = list(Membership.objects.admins_of(project).values_list("user", flat=True))
    last = Conflict(f"{user} is the last admin of {project}: make somebody else an admin first.")
    ensure(ids != [user.pk], last)


def has_right(user: User, project: Project, right: str) -> bool:
    """Whether `user` has `right` in `project` now."""
    membership = Membership.objects.filter(project=project, user=user).first()
    return user.is_active and membership is not None and right in RIGHTS[membership.role]


def ensure_right(user: User, project: Project, right: Right) -> None:
    """Raises NotAllowed with the missing right in words."""
    ensure(has_right(user, project, right), NotAllowed(f"Your role in {project} does not include: {right.label}."))
