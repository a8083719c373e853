"""A moderator's own tabs of the board."""

from django.db import IntegrityError, transaction

from annotations.triage.models import Rule, SavedView
from labelhub.errors import Conflict, Invalid, NotFound, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

NAME, WORDS, MOST = 40, 100, 5  # characters of a name and of the words; tabs of one person


@transaction.atomic
def save_view(
    project: Project, *, by: User, name: str, rule: Rule | None = None, severity: int = 1, words: str = ""
) -> SavedView:
    """Raises NotAllowed, NotFound for another project's rule, Invalid, Conflict for a name that one has in use."""
    ensure_right(by, project, Right.TRIAGE)
    ensure(rule is None or rule.project_id == project.pk, NotFound())
    name, words = " ".join(name.split()), " ".join(words.split())
    ensure(name, Invalid("Give the tab a name.", field="name"))
    ensure(len(name) <= NAME, Invalid(f"name must be text of at most {NAME} characters.", field="name"))
    ensure(len(words) <= WORDS, Invalid(f"words must be text of at most {WORDS} characters.", field="words"))
    ensure(severity in {1, 2, 3}, Invalid("severity must be 1, 2 or 3.", field="severity"))
    mine = SavedView.objects.filter(project=project, by=by)
    full = Invalid(f"You have {MOST} tabs of your own: remove one first.", field="name")
    ensure(mine.count() < MOST, full)
    try:
        with transaction.atomic():
            return SavedView.objects.create(
                project=project, by=by, name=name, rule=rule, severity=severity, words=words
            )
    except IntegrityError as error:
        raise Conflict(f"You have a tab called {name} already.", field="name") from error


def remove_view(view: SavedView, *, by: User) -> None:
    """One's own. Raises NotFound for another's."""
    ensure(view.by_id == by.pk, NotFound())
    view.delete()
