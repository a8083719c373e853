"""Work in a fork of the test process, which is killed at a moment; cheap enough for hundreds of moments."""

import os
import signal
import time
import traceback
from collections.abc import Callable

from django.db import connection, connections

from labelhub.jobs import sweeper
from labelhub.jobs.models import Job
from labelhub.jobs.tasks import run

PATIENCE_S = 60


def killed_after(seconds: float | None, work: Callable[[], object]) -> tuple[bool, float]:
    """Do `work` in a fork that is killed after so many seconds (None: never). Whether it came to its end, and when."""
    connections.close_all()  # no connection may cross a fork
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_the_victim(work)
    if seconds is not None:
        while (
            time.monotonic() < began + seconds
            and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            time.sleep(0.0005)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL), f"the work ended with {status}"
    return status == 0, time.monotonic() - began


def _be_the_victim(work: Callable[[], object]) -> None:
    code = 1
    try:
        signal.alarm(PATIENCE_S)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def run_due(*paths: str) -> None:
    """Be the worker of these paths until none of their Jobs is due."""
    while job := Job.objects.due().filter(path__in=paths).order_by("pk").first():
        run(job.pk)


def sweep_as_after_a_lease() -> None:
    """What the sweeper does once the lease of a dead process has run out, without the wait and the pause."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE labelhub_job SET heartbeat_at = now() - interval '1 minute' WHERE state = 'running'")
    sweeper.sweep()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE labelhub_job SET not_before = now() WHERE state = 'queued' AND not_before > now()")
