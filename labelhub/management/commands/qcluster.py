"""django-q2's cluster, made to end where it would hang.

A process that is killed while it waits on a multiprocessing queue takes the queue's lock with it; django-q2 starts
another one, and that waits for ever. So a sudden death ends the whole cluster: `up`, or whatever else started it,
starts it anew, and Jobs that were under way are swept up. Every process of the cluster dies with the one above it.
"""

import logging
import os
import signal
from multiprocessing import Process
from typing import Any

from django.db import connections
from django_q import cluster
from django_q.management.commands.qcluster import Command as QCluster

from labelhub.jobs import canary, sweeper, tied
from labelhub.jobs.models import Cluster

logger = logging.getLogger(__name__)
RECYCLED = -2  # what django-q2 writes into the timer of a worker that ends because it has done its share
TIMED_OUT = 0


class MortalSentinel(cluster.Sentinel):
    def reincarnate(self, process: Process) -> None:
        timer = getattr(process, "timer", None)
        timed_out = timer is not None and timer.value == TIMED_OUT
        killed = process.exitcode is not None and process.exitcode < 0
        if killed or timed_out:
            logger.critical("%s of %s %s: the cluster ends.", process.name, self.queue_name(),
                            "took too long" if timed_out else f"died of signal {-(process.exitcode or 0)}")  # fmt: skip
            os.kill(os.getppid(), signal.SIGKILL)
            os._exit(1)
        super().reincarnate(process)


class Command(QCluster):
    help = "Starts the workers of one cluster: default, or the one that Q_CLUSTER_NAME names."

    def handle(self, *args: Any, **options: Any) -> None:
        name = os.environ.get("Q_CLUSTER_NAME", Cluster.DEFAULT)
        sweeper.schedule()
        canary.listen(name)
        sweeper.ring_unheard(name, after_s=0)  # what the cluster before this one fetched and did not begin
        connections.close_all()  # no connection may cross a fork
        tied.tie_forks()
        cluster.Sentinel = MortalSentinel
        super().handle(*args, **options)
