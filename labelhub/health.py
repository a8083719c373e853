"""Is it alive, is it ready, do the workers work: for load balancers, supervisors and people."""

from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from psycopg_pool import PoolTimeout

from labelhub.jobs.canary import SILENT_S, silence

LEAST_PGVECTOR = (0, 8)


class NotReady(Exception):
    """What is missing, in words."""


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nobody else."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers, has every migration, and its pgvector is new enough."""
    try:
        _check_pgvector()
        _check_migrations()
    except NotReady as error:
        return _not_ok(str(error))
    except (DatabaseError, PoolTimeout):
        return _not_ok("The database does not answer.")
    return JsonResponse({"status": "ok"})


@require_safe
def worker(request: HttpRequest) -> JsonResponse:
    """Each cluster has shown a sign of life, of whatever Job, within SILENT_S seconds."""
    try:
        heard = silence()
    except (DatabaseError, PoolTimeout):
        return _not_ok("The database does not answer.")
    silent = [name for name, seconds in heard.items() if seconds is None or seconds > SILENT_S]
    if silent:
        return _not_ok(f"No sign of life from: {', '.join(silent)}.", seconds_since=heard)
    return JsonResponse({"status": "ok", "seconds_since": heard})


def _not_ok(detail: str, **more: object) -> JsonResponse:
    return JsonResponse({"status": "not ok", "detail": detail, **more}, status=503, headers={"Retry-After": "2"})


def _check_pgvector() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = cursor.fetchone()
    if row is None:
        raise NotReady("The database lacks the extension vector.")
    if tuple(int(part) for part in row[0].split(".")[:2]) < LEAST_PGVECTOR:
        raise NotReady(f"pgvector {row[0]} is too old: 0.8 is needed.")


@cache  # only success is remembered: a migration that was applied stays so for the life of a release
def _check_migrations() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} migrations are not applied: run manage.py migrate.")
