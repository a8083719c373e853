"""A Postgres that a test may break: an embedded one in a folder of its own, never the one that other tests share."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labelhub import embedded
from labelhub.embedded import Home, programs

WAYS = ("fast", "immediate", "kill")


@contextlib.contextmanager
def own_cluster() -> Iterator[Home]:
    """Start one, end it afterwards and take its folder away."""
    folder = Path(tempfile.mkdtemp(prefix="labelhub-cluster-"))
    folder.chmod(0o755)  # its server runs as another user
    place = Home(folder)
    embedded.start(place)
    try:
        yield place
    finally:
        embedded.stop(place)
        shutil.rmtree(folder)


def url_without_revival(place: Home) -> str:
    """The cluster's address as a foreign server's: a site does not start that again by itself."""
    return place.url.replace("&embedded=1", "")


def break_off(place: Home, way: str) -> None:
    """`fast` and `immediate` as pg_ctl has them, `kill`: SIGKILL of the postmaster. Returns when it has ended."""
    if way != "kill":
        return programs.run(programs.folder() / "pg_ctl", "-D", place.data, "-m", way, "-w", "stop")
    postmaster = place.postmaster
    assert postmaster is not None
    os.kill(postmaster, signal.SIGKILL)
    while place.postmaster is not None:
        time.sleep(0.02)
    return None
