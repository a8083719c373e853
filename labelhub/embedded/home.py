"""Where the embedded Postgres lives, and the secrets that belong to it."""

import contextlib
import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ROLE, TEMPLATE, PORT = "labelhub", "labelhub_template", "5432"
NOBODY = 2**30  # no process has so high a number
LONGEST_SOCKET_PATH = 100  # bytes; the kernel refuses 108


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
    def server_url(self) -> str:
        return f"postgresql://{ROLE}:{self.secret('postgres')}@/labelhub"

    @property
    def url(self) -> str:
        return f"{self.server_url}?host={self.sockets}&template={TEMPLATE}&embedded=1"

    @property
    def postmaster(self) -> int | None:
        """The process number of the running server of this data folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if b"postgres" in command[0] and os.fsencode(self.data) in command else None

    def forget_dead_postmaster(self) -> None:
        """Its number in postmaster.pid may be another process's by now, which would stop a new server from starting.

        Only the number goes: what else is in that file lets Postgres refuse while old backends still run.
        """
        file = self.data / "postmaster.pid"
        if self.postmaster is None and file.exists():
            _, _, rest = file.read_text().partition("\n")
            with file.open("r+") as same:  # keeps the owner
                same.truncate()
                same.write(f"{NOBODY}\n{rest}")


def home() -> Home:
    """$LABELHUB_DATA_DIR; else /var/lib/labelhub/<this checkout> as root; else var/ of the checkout.

    A relative one lies in the checkout, as in the settings: commands and their children run in different folders.
    """
    if chosen := os.environ.get("LABELHUB_DATA_DIR"):
        return Home((CHECKOUT / chosen).resolve())
    if os.geteuid() != 0:
        return Home(CHECKOUT / "var")
    mark = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:8]
    return Home(Path("/var/lib/labelhub") / f"{CHECKOUT.name}-{mark}")
