"""The demo's own site: a database and a data folder of its own, rebuilt each time, and `manage.py up` on them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

DATABASE = "labelhub_demo"
PORT = 8000


@dataclass(frozen=True)
class Addresses:
    web: str
    gateway: str
    inference: str


def environment(url: str, data_dir: Path) -> dict[str, str]:
    """The environment of every process of the demo: as this one, but for the database and the data folder."""
    parts = urlsplit(url)
    return {
        **os.environ,
        "DATABASE_URL": urlunsplit(parts._replace(path=f"/{DATABASE}")),
        "LABELHUB_DATA_DIR": str(data_dir),
        "OMP_NUM_THREADS": "1",
    }


def stop_earlier(data_dir: Path) -> None:
    """End the site of an earlier demo that was left up, and wait for it."""
    try:
        pid = int(json.loads((data_dir / "up.json").read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    asked = time.monotonic()
    if _is_site(pid, data_dir):
        with suppress(ProcessLookupError):  # it has ended just now
            os.kill(pid, signal.SIGTERM)
    while _is_site(pid, data_dir) and time.monotonic() < asked + 20:
        time.sleep(0.1)


def _is_site(pid: int, data_dir: Path) -> bool:
    """Whether process `pid` works on this very folder, and is not one that got the number later."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(f"LABELHUB_DATA_DIR={data_dir}") in variables


def rebuild(settings: dict[str, object], data_dir: Path) -> None:
    """Drop and make the demo's database and its folder; nothing else is touched."""
    server = make_conninfo(
        dbname="postgres", user=str(settings["USER"]), password=str(settings["PASSWORD"]), host=str(settings["HOST"]),
        port=str(settings["PORT"] or "5432"),
    )  # fmt: skip
    test = settings["TEST"]
    template = test.get("TEMPLATE") if isinstance(test, dict) else None
    name = sql.Identifier(DATABASE)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(str(template or "template1")))
        connection.execute(made)
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)


def start(data_dir: Path, manage: Path, *, fixed_port: bool) -> "tuple[subprocess.Popen[bytes], Addresses]":
    """`manage.py up`, ready. Raises RuntimeError with the end of its log when it does not come up."""
    ready, log = data_dir / "ready.json", data_dir / "up.log"
    port = PORT if fixed_port and _is_free(PORT) else 0
    command = [sys.executable, str(manage), "up", "--port", str(port), "--ready-file", str(ready)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    for _ in range(900):
        if ready.exists():
            facts = json.loads(ready.read_text())
            return process, Addresses(facts["web"], facts["gateway"], facts["inference"])
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.terminate()
    raise RuntimeError(f"The site did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
