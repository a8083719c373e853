"""The process that looks after one evaluation: both versions answer every case in one go of the kernel."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from labelhub import jobs
from labelhub.errors import Invalid, Refused, Unavailable, ensure
from labelhub.jobs.patience import patiently
from labelhub.states import move
from training.datasets.base_model import base_folder
from training.evaluation.cases import Standing, standings
from training.evaluation.models import Case, CaseResult, Evaluation
from training.lm.contract import SPEC
from training.lm.contract import State as Said
from training.lm.files import Refused as KernelRefused
from training.lm.files import read_lines
from training.lm.rows import Case as Question
from training.lm.specs import Version, write_evaluate
from training.lm.work import in_words
from training.runs import store
from training.runs.leases import announce, beat, hold
from training.runs.models import ModelVersion
from training.runs.runners import Progress, Runner, configured_runner
from training.runs.supervisor import BEAT_S, LOOK_S, end_on_sigterm

State = Evaluation.State
BEFORE, AFTER = "before", "after"
ENCODER_AWAY_S = 120


def evaluation_folder(evaluation: Evaluation) -> Path:
    return Path(settings.DATA_DIR) / "evaluations" / evaluation.folder


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


def prepare(evaluation: Evaluation, folder: Path) -> None:
    """Write what is asked and who answers. Raises Conflict when an adapter is not what was registered."""
    cases = Case.objects.of(evaluation.project).asked().order_by("pk")
    ensure(cases, Invalid("There is no case to evaluate on: approve labels, or upload held-out cases."))
    write_evaluate(
        folder,
        base_model=str(base_folder()),
        base_sha256=evaluation.version.origin.base_sha256,
        versions=[_who(BEFORE, evaluation.baseline), _who(AFTER, evaluation.version)],
        cases=[Question(str(c.pk), tuple(c.messages), c.gold, c.rejected or None) for c in cases],
    )


def _who(name: str, version: ModelVersion | None) -> Version:
    return Version(name) if version is None else Version(name, str(store.verified(version)), version.files)


def _one_attempt(evaluation: Evaluation, runner: Runner, folder: Path) -> bool:
    """False if the kernel died and may be started again."""
    if not (folder / SPEC).exists():
        prepare(evaluation, folder)
    handle = runner.submit(folder, "evaluate")
    try:
        where = _standings(evaluation, folder)  # meanwhile the kernel loads its libraries
        next_beat = 0.0
        while runner.poll(handle).alive:
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + BEAT_S
                patiently(lambda: beat(evaluation))
            time.sleep(LOOK_S)
        return _conclude(evaluation, folder, runner.poll(handle), where)
    finally:
        runner.stop(handle)


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
            patiently(lambda: beat(evaluation))


def _where_cases_stand(evaluation: Evaluation, folder: Path) -> dict[int, Standing]:
    asked = [int(line["id"]) for line in read_lines(folder / "cases.jsonl")]
    cases = Case.objects.select_related("suite").filter(pk__in=asked).order_by("pk")
    return standings(list(cases), evaluation.version.origin.snapshot)


def _conclude(evaluation: Evaluation, folder: Path, progress: Progress, where: dict[int, Standing]) -> bool:
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
