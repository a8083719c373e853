"""What django-q2 calls for a Job, any Job."""

import logging
import traceback
from importlib import import_module

from django.db import transaction
from django_q.exceptions import TimeoutException

from labelhub.errors import Refused, Unavailable
from labelhub.jobs.actions import queue_follow_up
from labelhub.jobs.claims import Claim, LostJob, claim, fail, finish, give_back
from labelhub.jobs.follow_ups import FollowUp
from labelhub.jobs.models import Job
from labelhub.jobs.patience import patiently
from labelhub.jobs.running import running

logger = logging.getLogger(__name__)

UNAVAILABLE_PAUSE_S = 10
DATABASE_AWAY_S = 30


def run(job_id: int) -> None:
    """Claim the Job and carry it to an end. A second delivery, or one that comes too late, does nothing."""
    held = claim(job_id)
    if held is None:
        return
    try:
        with running(held):
            outcome = _call(held.job)
        patiently(lambda: _done(held, outcome), for_s=DATABASE_AWAY_S)
    except LostJob as lost:
        logger.warning("%s", lost)
    except Unavailable as error:  # what it needs is down: that is not its failure, so the attempt does not count
        give_back(held, error.detail, delay_s=UNAVAILABLE_PAUSE_S, counts=False)
    except Refused as error:  # the domain says no, and would say so again
        fail(held, error.detail, final=True)
    except TimeoutException as error:
        fail(held, str(error))
        raise
    except Exception:
        logger.exception("Job %s, %s, failed in attempt %s", job_id, held.job, held.job.attempt)
        text = traceback.format_exc()
        patiently(lambda: fail(held, text), for_s=DATABASE_AWAY_S)


def _call(job: Job) -> object:
    module, _, name = job.path.rpartition(".")
    function = getattr(import_module(module), name)
    return function(job.project_id if job.follow_up else job.subject)


@transaction.atomic
def _done(held: Claim, outcome: object) -> None:
    finish(held, outcome if isinstance(outcome, str) else "")
    job = held.job
    if job.follow_up and outcome is True:
        queue_follow_up(FollowUp(job.follow_up, job.path, job.cluster), job.project_id)
