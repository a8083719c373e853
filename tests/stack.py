"""The real site, started by `manage.py up --port 0` on a database and a data folder of its own."""

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import psutil
import psycopg

from labelhub.jobs.tied import die_with

CHECKOUT = Path(__file__).resolve().parent.parent
START_S, END_S, DROPPED_WITHIN_S = 180, 15, 20
_numbers = itertools.count(1)


@dataclass
class Stack:
    """A running site. `web`, `gateway` and `inference` are URLs without a final slash."""

    folder: Path
    database_url: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str] = field(repr=False)

    @property
    def facts(self) -> dict[str, Any]:
        """up.json as it is now: pid, ready, web, gateway, inference, children (name → process number)."""
        facts: dict[str, Any] = json.loads((self.folder / "up.json").read_text())
        return facts

    @property
    def web(self) -> str:
        return str(self.facts["web"])

    @property
    def gateway(self) -> str:
        return str(self.facts["gateway"])

    @property
    def inference(self) -> str | None:
        """With /v1, as LABELHUB_CHAT_URL has it."""
        url: str | None = self.facts["inference"]
        return url

    @property
    def children(self) -> dict[str, int]:
        children: dict[str, int] = self.facts["children"]
        return children

    @property
    def log(self) -> str:
        return (self.folder / "up.log").read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this site, however far it has strayed from the one that started it."""
        return processes_with({"LABELHUB_DATA_DIR": str(self.folder)})

    def family(self, child: str) -> list[psutil.Process]:
        """A child of `up` and all below it, the child first. Raises NoSuchProcess between its death and its return."""
        if child not in self.children:
            raise psutil.NoSuchProcess(0, child)
        parent = psutil.Process(self.children[child])
        return [parent, *parent.children(recursive=True)]

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `manage.py …` against this site."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=CHECKOUT, check=check, capture_output=True, text=True, timeout=300
        )

    @contextlib.contextmanager
    def database(self) -> Iterator[None]:
        """Inside, this process's models read and write the site's database."""
        from django.db import connections
        from django.db.backends.postgresql.base import DatabaseWrapper

        from labelhub.database import database

        ours = connections["default"]
        there = database(self.database_url, "command")
        theirs = ours.settings_dict | {key: there[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
        connections["default"] = DatabaseWrapper(theirs, "default")
        try:
            yield
        finally:
            connections["default"].close()
            connections["default"] = ours

    def wait(self, holds: Callable[[], Any], *, seconds: float, what: str) -> Any:
        """What `holds` returns as soon as it is true. Fails with the end of the log."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, psutil.NoSuchProcess):
                if answer := holds():
                    return answer
            time.sleep(0.1)
        raise AssertionError(f"Not within {seconds} s: {what}. The log ends with:\n{self.log[-6000:]}")


@contextlib.contextmanager
def running_stack(*, inference: bool = True, database_url: str = "", **environment: str) -> Iterator[Stack]:
    """Start a site, wait until it is ready, end it and drop its folder, and its database unless that was given."""
    name = f"test_labelhub_stack{next(_numbers)}_{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix="labelhub-stack-"))
    if not database_url:
        create_database(name, template=migrated_database())
    try:
        url = database_url or url_of_database(name)
        stack = _start(url, folder, environment, [] if inference else ["--no-inference"])
        try:
            stack.wait(lambda: _ready(stack), seconds=START_S, what="the site is ready")
            yield stack
        finally:
            _end(stack)
    finally:
        if not database_url:
            drop_database(name)
        shutil.rmtree(folder, ignore_errors=True)


def _start(url: str, folder: Path, more: dict[str, str], options: list[str]) -> Stack:
    unwanted = {"DJANGO_SETTINGS_MODULE", "LABELHUB_PROCESS", "LABELHUB_CHAT_URL", "LABELHUB_EMBED_URL"}
    environment = {key: value for key, value in os.environ.items() if key not in unwanted}
    environment |= {"DATABASE_URL": url, "LABELHUB_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"} | more
    command = [sys.executable, "manage.py", "up", "--port", "0", "--ready-file", str(folder / "ready"), *options]
    parent = os.getpid()
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),
        )
    return Stack(folder, url, process, environment)


def _ready(stack: Stack) -> bool:
    if stack.process.poll() is not None:
        raise AssertionError(f"`manage.py up` ended with {stack.process.returncode}:\n{stack.log[-6000:]}")
    return (stack.folder / "ready").exists()


def _end(stack: Stack) -> None:
    """As a person would, with Ctrl-C; then whatever has strayed."""
    stack.process.send_signal(signal.SIGINT)
    try:
        stack.process.wait(END_S)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"`manage.py up` did not end within {END_S} s:\n{stack.log[-6000:]}") from None
    finally:
        for process in stack.processes():  # detached supervisors outlive `up`, not the test
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        stack.process.wait(END_S)


def processes_with(environment: dict[str, str]) -> list[psutil.Process]:
    """The living processes that were started with these variables."""
    wanted = {os.fsencode(f"{key}={value}") for key, value in environment.items()}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
                if wanted.issubset(variables):
                    found.append(process)
    return found


def url_of_database(name: str) -> str:
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def database_name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def connect(name: str) -> "psycopg.Connection[Any]":
    """A connection of our own to a database of the test server, autocommit."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return psycopg.connect(
        dbname=name, user=parts.username, password=parts.password, host=host, port=parts.port, autocommit=True
    )


def create_database(name: str, template: str = "") -> None:
    """Empty, or a copy of `template`."""
    empty = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query).get("template", ["template1"])[0]
    with connect("postgres") as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or empty}"')


def migrated_database() -> str:
    """The name of a database with every table and nobody at work in it: the others of this test run are its copies."""
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    name = f"test_labelhub_migrated_{run}"
    with Path(tempfile.gettempdir(), "labelhub-tests-migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with connect("postgres") as admin:
            there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if there is None:
            drop_databases_of_dead_runs()
            create_database(f"{name}_{run}")
            environment = os.environ | {"DATABASE_URL": url_of_database(f"{name}_{run}")}
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity=0"], env=environment, cwd=CHECKOUT, check=True
            )
            with connect("postgres") as admin:
                admin.execute(f'ALTER DATABASE "{name}_{run}" RENAME TO "{name}"')
    return name


def drop_migrated_database() -> None:
    """At the end of a run, by the process that began it."""
    drop_database(f"test_labelhub_migrated_{os.getpid()}")


def drop_database(name: str) -> None:
    """Also while somebody is connected; a vacuum of the server's own is waited for, as only it may end that."""
    with connect("postgres") as admin:
        for _ in range(DROPPED_WITHIN_S):
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectInUse):
                admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
                return
            time.sleep(1)
    print(f"The database {name} is in use: a later run drops it.", file=sys.stderr)


def drop_databases_of_dead_runs() -> None:
    """What a killed test run left behind: test databases end with the number of the process that made them."""
    with connect("postgres") as admin:
        names = [name for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname ~ '^test_labelhub_'")]
    for name in names:
        if not Path(f"/proc/{name.rsplit('_', 1)[1]}").exists():
            drop_database(name)
