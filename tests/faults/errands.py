"""Work for the fault tests, reached by its dotted path from the workers of a real site."""

import os
import signal
import time

from django.db import connection

from labelhub import jobs

TABLE = "CREATE TABLE errand_effect (job bigint, fence int, at timestamptz DEFAULT now())"


def write_after(seconds: str) -> None:
    """Work for so long, then leave one row and end the Job with it."""
    time.sleep(float(seconds))
    held = jobs.current()
    assert held is not None
    with jobs.effects(last=True, result=f"by claim {held.fence}"), connection.cursor() as cursor:
        cursor.execute("INSERT INTO errand_effect (job, fence) VALUES (%s, %s)", [held.job.pk, held.fence])


def kill_its_worker(_subject: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
