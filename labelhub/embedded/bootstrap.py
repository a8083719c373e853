"""Making the data folder. The superuser acts in single-user mode only: no socket ever lets it in."""

import os
import shutil
from pathlib import Path

from labelhub.embedded.home import TEMPLATE, EmbeddedError, Home
from labelhub.embedded.programs import SYSTEM_USER, run, system_user

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
ROLE_AND_TEMPLATE = """
CREATE ROLE labelhub LOGIN NOSUPERUSER CREATEDB PASSWORD '{password}';
CREATE DATABASE labelhub_template OWNER labelhub;
"""
EXTENSION = "CREATE EXTENSION vector;"
DATABASE = """
CREATE DATABASE labelhub OWNER labelhub TEMPLATE labelhub_template;
ALTER DATABASE labelhub_template WITH IS_TEMPLATE true ALLOW_CONNECTIONS false;
"""


def make_folders(place: Home) -> None:
    """Raises EmbeddedError where the system user could not pass."""
    place.sockets.mkdir(mode=0o755, parents=True, exist_ok=True)
    (place.sockets / "home").write_text(str(place.path))
    if os.geteuid() != 0:
        return
    shutil.chown(place.sockets, system_user())
    closed = [str(folder) for folder in (place.path, *place.path.parents) if not folder.stat().st_mode & 0o001]
    if closed:
        raise EmbeddedError(
            f"As root Postgres runs as the user {SYSTEM_USER}, who cannot pass through {closed[0]}. Set "
            "LABELHUB_DATA_DIR to a folder below /var/lib, or DATABASE_URL to a Postgres of your own."
        )


def bootstrap(place: Home, programs: Path) -> None:
    """A complete data folder or none: it is built beside its place and moved there at the end."""
    new = place.path / "pg.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(new, system_user())
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    run(programs / "initdb", "-D", str(new), "-U", "postgres", *locale, "--auth=reject", "--no-instructions")
    with (new / "postgresql.conf").open("a") as conf:
        conf.write(SETTINGS.format(sockets=place.sockets))
    (new / "pg_hba.conf").write_text(ACCESS)
    alone = (programs / "postgres", "--single", "-j", "-D", str(new), "-c", "logging_collector=off")
    run(*alone, "postgres", stdin=_statements(ROLE_AND_TEMPLATE.format(password=place.secret("postgres"))))
    run(*alone, TEMPLATE, stdin=_statements(EXTENSION))
    run(*alone, "postgres", stdin=_statements(DATABASE))
    new.rename(place.data)


def _statements(sql: str) -> str:
    """As single-user mode with -j reads them: each ends with a semicolon and an empty line."""
    return "".join(f"{line}\n\n" for line in sql.strip().splitlines())
