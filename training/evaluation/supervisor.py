"""The process that looks after one evaluation: both versions answer every case in one go of the kernel."""

import copy
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import Error, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from labelhub import jobs
from labelhub.errors import Refused, Unavailable
from labelhub.jobs.patience import patiently
from labelhub.states import move
from training.evaluation.cases import Standing, standings
from training.evaluation.folders import AFTER, BEFORE, evaluation_folder, prepare
from training.evaluation.models import Case, CaseResult, Evaluation
from training.lm.contract import SPEC
from training.lm.contract import State as Said
from training.lm.files import Refused as KernelRefused
from training.lm.files import read_lines
from training.lm.work import in_words
from training.runs.leases import LostLease, announce, beat, hold
from training.runs.runners import Progress, Runner, configured_runner
from training.runs.supervisor import BEAT_S, LOOK_S, end_on_sigterm

logger = logging.getLogger(__name__)
State = Evaluation.State
ENCODER_AWAY_S = 120


def supervise_evaluation(evaluation: Evaluation) -> None:
    """Carry `evaluation`, taken under its fence, to its end. Raises LostLease."""
    end_on_sigterm()
    runner = configured_runner()
    try:
        announce(evaluation, evaluation_folder(evaluation))
        patiently(lambda: beat(evaluation))
        while not _one_attempt(evaluation, runner, evaluation_folder(evaluation)):
            patiently(lambda: beat(evaluation, attempt=F("attempt") + 1))
    except (Refused, KernelRefused) as refusal:
        _fail(evaluation, str(refusal))
    except OSError as error:
        _fail(evaluation, in_words(error))


def _one_attempt(evaluation: Evaluation, runner: Runner, folder: Path) -> bool:
    """False if the kernel died and may be started again."""
    if not (folder / SPEC).exists():
        prepare(evaluation, folder)
    handle = runner.submit(folder, "evaluate")
    try:
        with _beating(evaluation):
            where = _standings(evaluation, folder)  # meanwhile the kernel loads its libraries
        next_beat = 0.0
        while runner.poll(handle).alive:
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + BEAT_S
                patiently(lambda: beat(evaluation))
            time.sleep(LOOK_S)
        return conclude(evaluation, folder, runner.poll(handle), where)
    finally:
        runner.stop(handle)


@contextmanager
def _beating(evaluation: Evaluation) -> Iterator[None]:
    """A thread beats inside: vectors and likeness of many cases take longer than a supervisor may be silent."""
    done = threading.Event()
    thread = threading.Thread(target=_beat_until, args=(done, copy.copy(evaluation)), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat_until(done: threading.Event, evaluation: Evaluation) -> None:
    """A database that is away does not end it; who has taken over, the next beat of the supervisor itself says."""
    while not done.wait(BEAT_S):
        try:
            beat(evaluation)
        except LostLease:
            break
        except Error as error:
            logger.warning("No heartbeat for %s: %s", evaluation, error)
            connection.close()
    connection.close()


def _standings(evaluation: Evaluation, folder: Path) -> dict[int, Standing]:
    """Waits for an encoder that is away. Raises Unavailable when it stays away."""
    until = time.monotonic() + ENCODER_AWAY_S
    while True:
        try:
            return _where_cases_stand(evaluation, folder)
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(BEAT_S)


def _where_cases_stand(evaluation: Evaluation, folder: Path) -> dict[int, Standing]:
    asked = [int(line["id"]) for line in read_lines(folder / "cases.jsonl")]
    cases = Case.objects.select_related("suite").filter(pk__in=asked).order_by("pk")
    return standings(list(cases), evaluation.version.origin.snapshot)


def conclude(evaluation: Evaluation, folder: Path, progress: Progress, where: dict[int, Standing]) -> bool:
    """Write how the attempt ended, with the answers if it succeeded. False if it may be started again.

    Raises LostLease.
    """
    if progress.state == Said.SUCCEEDED:
        results = _results(evaluation, folder, where)
        patiently(lambda: _store(evaluation, results))
    elif progress.state in (Said.FAILED, Said.CANCELLED):
        _fail(evaluation, progress.reason or "It was stopped.")
    elif evaluation.attempt >= Evaluation.MOST_ATTEMPTS:
        _fail(evaluation, f"The evaluating process died {Evaluation.MOST_ATTEMPTS} times. Its log says more.")
    else:
        return False
    return True


def _results(evaluation: Evaluation, folder: Path, where: dict[int, Standing]) -> list[CaseResult]:
    """Both answers to each case side by side."""
    answers: dict[int, dict[str, dict[str, Any]]] = {}
    for line in read_lines(folder / "results.jsonl"):
        answers.setdefault(int(line["id"]), {})[line["version"]] = line
    return [
        CaseResult(
            evaluation=evaluation,
            case_id=case,
            slice=where[case].slice,
            seen=where[case].seen,
            before_output=by[BEFORE]["output"],
            after_output=by[AFTER]["output"],
            before_exact=by[BEFORE]["exact"],
            after_exact=by[AFTER]["exact"],
            logprobs={side: _logprobs(by[side]) for side in (BEFORE, AFTER)},
        )
        for case, by in answers.items()
    ]


def _logprobs(line: dict[str, Any]) -> dict[str, float | None]:
    return {name: line[f"{name}_logprob"] for name in ("gold", "rejected", "output")}


@transaction.atomic
def _store(evaluation: Evaluation, results: list[CaseResult]) -> None:
    held = hold(evaluation)
    CaseResult.objects.bulk_create(results)
    move(held, to=State.SUCCEEDED, finished_at=Now())
    jobs.wake("evaluated", held.project)


def _fail(evaluation: Evaluation, failure: str) -> None:
    def write() -> None:
        with transaction.atomic():
            move(hold(evaluation), to=State.FAILED, failure=failure, finished_at=Now())

    patiently(write)
