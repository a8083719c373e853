"""Making people, and what they change about themselves."""

from django.db import IntegrityError, transaction

from labelhub.errors import Conflict, Invalid, NotAllowed, ensure
from labelhub.people.models import User
from labelhub.people.zones import NAMES


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
