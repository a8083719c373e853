"""Finding a usable key with its project and person: one statement, put together once, for every request needs it."""

from functools import cache
from itertools import islice
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from labelhub.keys.models import ApiKey
from labelhub.people.models import User
from labelhub.projects.models import Project


def usable_key(prefix: str) -> ApiKey | None:
    """The key neither revoked nor expired by the database's clock, read anew each time: a revocation holds at once."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    values = iter(row)
    key, project, person = (_made(model, values) for model in (ApiKey, Project, User))
    key.project, key.person = project, person if person.pk else None
    found: ApiKey = key
    return found


@cache
def _statement() -> str:
    columns = [
        f'{alias}."{name}"' for alias, model in (("k", ApiKey), ("p", Project), ("u", User)) for name in _plain(model)
    ]
    return f"""
        SELECT {", ".join(columns)} FROM labelhub_apikey k
        JOIN labelhub_project p ON p.id = k.project_id LEFT JOIN labelhub_user u ON u.id = k.person_id
        WHERE k.prefix = %s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    """


@cache
def _plain(model: type[Model]) -> list[str]:
    """Columns that need no conversion. The others are fetched if somebody asks for them."""
    return [str(field.column) for field in model._meta.concrete_fields if not hasattr(field, "from_db_value")]


def _made(model: type[Model], values: Any) -> Any:
    names = _plain(model)
    return model.from_db(DEFAULT_DB_ALIAS, names, list(islice(values, len(names))))
