"""Making people, closing their accounts, and what they change about themselves."""

import logging
from collections.abc import Iterable, Mapping

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.utils import timezone

from labelhub import jobs
from labelhub.errors import Conflict, Invalid, NotAllowed, ensure
from labelhub.people.key_map import changed, refusals
from labelhub.people.models import User
from labelhub.people.zones import NAMES
from labelhub.projects.actions import ensure_another_admin
from labelhub.projects.models import Project
from labelhub.projects.rights import Role

log = logging.getLogger(__name__)
# What people have, but do not give themselves: names that a body brings on purpose.
NOT_THEIR_OWN = frozenset(
    ["api_key", "email", "groups", "is_active", "is_staff", "is_superuser", "membership", "password", "project", "role",
     "scopes", "user_permissions"]
)  # fmt: skip


def create_person(*, email: str, by: User, name: str = "", time_zone: str = "UTC") -> User:
    """Somebody who can sign in once they have set a password through the sign-in pages.

    Raises NotAllowed unless `by` is an operator, Invalid, Conflict where somebody has the address, in whatever case.
    """
    ensure(by.is_superuser and by.is_active, NotAllowed("Only an operator makes people."))
    ensure(time_zone in NAMES, Invalid(f"There is no time zone {time_zone!r}."))
    try:
        with transaction.atomic():
            return User.objects.create_user(email, name=name, time_zone=time_zone)
    except IntegrityError:
        raise Conflict(f"Somebody has the address {email.lower()} already.") from None


def change_self(person: User, *, name: str, time_zone: str, theme: str, single_keys: bool) -> None:
    """What people say of themselves. No other column is written: an operator may have changed it meanwhile."""
    ensure(time_zone in NAMES, Invalid(f"There is no time zone {time_zone!r}."))
    person.name, person.time_zone, person.theme = name, time_zone, theme
    person.key_map = {**person.key_map, "off": not single_keys}
    person.save(update_fields=["name", "time_zone", "theme", "key_map"])


def remap(person: User, wanted: Mapping[str, str]) -> None:
    """Put other single keys in the place of those that `KEYS` has; what is not named has its own again.

    Raises Invalid with extra `fields`, the name of each key that cannot be to the reason why.
    """
    chosen = changed(wanted)
    refused = refusals(chosen)
    ensure(not refused, Invalid("Some of these keys cannot be: see beside them.", fields=refused))
    person.key_map = {**person.key_map, "keys": chosen}
    person.save(update_fields=["key_map"])


def note_overreach(person: User, fields: Iterable[str]) -> None:
    """Write down which of `NOT_THEIR_OWN` somebody sent for themselves: in the log and in the admin's history of them.

    Nothing is kept of other names, nor of any value: a key may stand in one.
    """
    asked = ", ".join(sorted(NOT_THEIR_OWN.intersection(fields)))
    if asked:
        log.warning("person %s asked to set %s on their own page", person.pk, asked)
        LogEntry.objects.log_actions(person.pk, [person], CHANGE, f"Own page: asked to set {asked}; ignored.")


@transaction.atomic
def deactivate(person: User, *, by: User) -> None:
    """Close the account: nobody signs in with it, its sessions end, its keys open nothing until it is activated again.

    Raises NotAllowed unless `by` is an operator, Conflict for one's own account and for that of a project's last admin.
    """
    _ensure_operator(by, person)
    ensure(person.pk != by.pk, Conflict("You cannot close your own account: another operator can."))
    for project in Project.objects.filter(membership__user=person, membership__role=Role.ADMIN).order_by("pk"):
        ensure_another_admin(project, person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    _end_sessions(person)
    for project in Project.objects.filter(membership__user=person).order_by("pk"):
        jobs.wake("left", project)


@transaction.atomic
def activate(person: User, *, by: User) -> None:
    """Open a closed account again, with the password, memberships and keys that it had.

    Raises NotAllowed unless `by` is an operator.
    """
    _ensure_operator(by, person)
    User.objects.filter(pk=person.pk).update(is_active=True)


def _ensure_operator(by: User, person: User) -> None:
    """Raises NotAllowed. Both rows are locked: of two operators who close each other's account the second sees that."""
    rows = User.objects.filter(pk__in=[by.pk, person.pk]).order_by("pk").select_for_update(no_key=True)
    now = {row.pk: row for row in rows}[by.pk]
    ensure(now.is_superuser and now.is_active, NotAllowed("Only an operator closes accounts and opens them."))


def _end_sessions(person: User) -> None:
    """For good: who held one might not be the person. A row does not say whose it is, so that each one is opened."""
    going_on = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    theirs = [one.pk for one in going_on if one.get_decoded().get(SESSION_KEY) == str(person.pk)]
    Session.objects.filter(pk__in=theirs).delete()
