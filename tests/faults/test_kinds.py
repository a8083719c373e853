"""SIGKILL at random moments of each kind of work: after the next attempt it has happened exactly once.

The processes of runs and evaluations are killed in test_runs.py, the kernels that they start in test_kernels.py.
"""

import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from annotations.capture.actions.imports import import_interactions
from annotations.capture.actions.ingest import ingest_feedback, ingest_interactions
from annotations.capture.models import ImportJob, Interaction
from annotations.recall.models import Embedding
from annotations.triage.models import Flag
from labelhub.errors import Conflict
from labelhub.jobs import invariants
from labelhub.jobs.models import Job
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import make_approval, make_member, make_project
from tests.faults.clean import breached, check_nothing_new
from tests.faults.forks import PATIENCE_S, killed_after, run_due, sweep_as_after_a_lease
from tests.training.makers import (
    make_case,
    make_evaluation,
    make_run,
    make_snapshot,
    make_suite,
    make_version,
    write_adapter,
)
from tests.training.servers import adapters_folder, models, processes, server_url  # noqa: F401
from training.evaluation.cases import Standing
from training.evaluation.models import Case, CaseResult, Evaluation
from training.evaluation.supervisor import conclude, evaluation_folder
from training.lm.adapter_files import write_manifest
from training.lm.contract import State as Said
from training.lm.contract import Status
from training.lm.files import to_lines, write_whole
from training.lm.recipes import QUICK
from training.registry.actions import promote, report
from training.registry.live import live_version
from training.registry.models import GateReport, Promotion
from training.runs import store
from training.runs.actions import launch
from training.runs.folders import prepare as prepare_folder
from training.runs.folders import run_folder
from training.runs.leases import LostLease
from training.runs.models import ModelVersion, TrainingRun
from training.runs.runners import Progress
from training.runs.supervisor import register

pytestmark = [pytest.mark.usefixtures("processes"), pytest.mark.bar("R6")]
FEW, MANY = 3, 200
SEED = os.environ.get("LABELHUB_SEED", "1")


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def admin(project: Project) -> Any:
    return make_member(project, Role.ADMIN)


def survives(points: int, kind: str, *, prepare: Callable[[int], Any], work: Callable[[Any], object],
             check: Callable[[Any], None]) -> None:  # fmt: skip
    """So many times: make something to do, do it in a process that dies, do it again, look at what came of it.

    The first two are not killed; the others die at a moment within the time that the latest that was not cut off has
    taken. It goes on until a third of so many did die before their end. Then the doctor finds nothing that it had not
    found after those two.
    """
    chance = random.Random(f"{kind} {SEED}")
    takes, died, number = float(PATIENCE_S), 0, 0
    known: dict[str, tuple[str, ...]] = {}
    while number < points + 2 or died < points // 3:
        assert number < 4 * points + 2, f"only {died} died before their end"
        known = breached() if number == 2 else known
        subject = prepare(number)
        moment = None if number < 2 else chance.uniform(0, takes)
        ended, lived = killed_after(moment, lambda subject=subject: work(subject))
        takes = lived if ended else takes
        died += not ended
        sweep_as_after_a_lease()
        work(subject)
        check(subject)
        assert list(invariants.breaches()) == []
        number += 1
    print(f"{kind}: {number - 2} moments within {takes * 1000:.0f} ms, seed {SEED}, {died} before its end")
    check_nothing_new(known)


def jobs_ended(path: str) -> None:
    for job in Job.objects.filter(path=path):
        assert job.state in {Job.State.DONE, Job.State.CANCELLED}, (job.state, job.error)
        assert job.attempt <= Job.MAX_ATTEMPTS


def exchange(number: int, n: int) -> dict[str, Any]:
    question = [{"role": "user", "content": f"What costs offer {number}, thing {n}?"}]
    return {"external_id": f"{number}-{n}", "output": "It costs 3 euros.", "messages": question}


@pytest.mark.parametrize("path", ["annotations.recall.tasks.embed_captured", "annotations.triage.tasks.flag_reactions"])
def test_a_follow_up_of_capture_happens_once(path: str, project: Project, count):
    def prepare(number: int) -> int:
        ingest_interactions(project, [exchange(number, n) for n in range(3)])
        thumb = {"external_id": f"t{number}", "interaction": f"{number}-0", "kind": "thumb", "value": -1}
        ingest_feedback(project, [thumb])
        return number

    def check(number: int) -> None:
        jobs_ended(path)
        captured = Interaction.objects.filter(project=project, external_id__startswith=f"{number}-")
        if "embed" in path:
            made = Embedding.objects.ready().filter(object_id__in=captured.values("pk"))
            assert made.count() == captured.count() == 3
        else:
            assert Flag.objects.filter(interaction__in=captured).count() == 1

    survives(count(FEW, MANY), path, prepare=prepare, work=lambda _: run_due(path), check=check)


def test_a_suite_grows_by_one_case_for_each_approval(project: Project, count):
    path = "training.evaluation.tasks.grow_suites"
    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)

    def prepare(number: int) -> str:
        prompt = f"How heavy is offer {number}?"
        make_approval(project, prompt=prompt, expert=expert, moderator=moderator)
        return prompt

    def check(prompt: str) -> None:
        jobs_ended(path)
        assert Case.objects.of(project).asked().filter(messages__0__content=prompt).count() == 1

    survives(count(FEW, MANY), path, prepare=prepare, work=lambda _: run_due(path), check=check)


def test_a_new_version_is_evaluated_once_and_judged_once(project: Project, count):
    paths = ["training.registry.tasks.evaluate_new_versions", "training.registry.tasks.judge_evaluations"]
    runs = make_snapshot(project)

    def prepare(number: int) -> ModelVersion:
        from labelhub import jobs

        version = make_version(project, seed=number, run=make_run(project, snapshot=runs))
        jobs.wake("registered", project)
        judged = make_evaluation(make_version(project, seed=10_000 + number, run=make_run(project, snapshot=runs)),
                                 held_out=(2, 1, 2), siblings=(2, 2, 2))  # fmt: skip
        jobs.wake("evaluated", project)
        version.judged = judged
        return version

    def check(version: ModelVersion) -> None:
        for path in paths:
            jobs_ended(path)
        assert Evaluation.objects.filter(version=version).count() == 1
        assert GateReport.objects.filter(evaluation=version.judged).count() == 1

    survives(count(FEW, MANY), "evaluate and judge", prepare=prepare, work=lambda _: run_due(*paths), check=check)


def test_a_launch_queues_one_run_with_somebody_to_look_after_it(project: Project, admin, count):
    snapshot = make_snapshot(project)

    def work(token: str) -> None:
        launch(project, snapshot=snapshot, recipe=QUICK, by=admin, reason="try", token=token)

    def check(token: str) -> None:
        run = TrainingRun.objects.get(token=token)
        queued = Job.objects.queued().filter(path="training.runs.tasks.look_after_runs", project=project)
        assert (run.state, queued.count()) == ("queued", 1)
        TrainingRun.objects.filter(pk=run.pk).update(state="cancelled", finished_at=run.created_at)
        queued.delete()

    survives(count(FEW, MANY), "launch", prepare=lambda n: f"token {n}", work=work, check=check)


def test_a_finished_run_leaves_one_version_whose_files_are_whole(project: Project, admin, count):
    snapshot = make_snapshot(project)

    def prepare(number: int) -> TrainingRun:
        run = make_run(project, snapshot=snapshot, launched_by=admin, state="running", fence=1)
        folder = prepare_folder(run)
        write_adapter(folder / "adapter", seed=number, size=0.01)
        write_manifest(folder)
        return run

    def work(run: TrainingRun) -> None:
        if TrainingRun.objects.active().filter(pk=run.pk).exists():
            register(TrainingRun.objects.get(pk=run.pk), run_folder(run))

    def check(run: TrainingRun) -> None:
        version = ModelVersion.objects.get(run=run)
        assert TrainingRun.objects.get(pk=run.pk).state == "succeeded"
        store.verified(version)

    survives(count(FEW, MANY), "register", prepare=prepare, work=work, check=check)


def test_an_evaluation_that_was_answered_has_each_answer_once(project: Project, count):
    snapshot, cases = (
        make_snapshot(project),
        [make_case(make_suite(project, "heldout"), f"{n}?", "Yes.") for n in range(40)],
    )
    where = {case.pk: Standing(CaseResult.Slice.ELSEWHERE, False) for case in cases}
    said = {"output": "Yes.", "exact": True, "gold_logprob": -1.0, "rejected_logprob": None, "output_logprob": -0.5}
    lines = [{"id": str(case.pk), "version": side, **said} for side in ("before", "after") for case in cases]
    answered = Progress(False, Status(Said.SUCCEEDED))

    def prepare(number: int) -> Evaluation:
        version = make_version(project, seed=number, run=make_run(project, snapshot=snapshot))
        evaluation = Evaluation.objects.create(
            project=project, version=version, state="running", fence=1, heartbeat_at=Now(), folder=f"{number}"
        )
        evaluation_folder(evaluation).mkdir(parents=True)
        write_whole(evaluation_folder(evaluation) / "results.jsonl", to_lines(lines))
        return evaluation

    def work(evaluation: Evaluation) -> None:
        with suppress(LostLease):  # it was stored before the end came
            conclude(evaluation, evaluation_folder(evaluation), answered, where)

    def check(evaluation: Evaluation) -> None:
        assert Evaluation.objects.get(pk=evaluation.pk).state == "succeeded"
        assert sorted(evaluation.results.values_list("case", flat=True)) == sorted(where)

    survives(count(FEW, MANY), "store an evaluation", prepare=prepare, work=work, check=check)


def test_a_promotion_is_made_once_or_not_at_all(project: Project, admin, count):
    snapshot = make_snapshot(project)

    def prepare(number: int) -> ModelVersion:
        version = make_version(project, seed=number, run=make_run(project, snapshot=snapshot))
        report(make_evaluation(version, baseline=live_version(project)))
        return version

    def work(version: ModelVersion) -> None:
        with suppress(Conflict):  # it is live already
            promote(version, slot="production", by=admin)

    def check(version: ModelVersion) -> None:
        assert live_version(project) == version
        made = list(Promotion.objects.of(project).order_by("pk").values_list("version", "previous__version"))
        assert [promoted for promoted, _ in made].count(version.pk) == 1
        assert [before for _, before in made[1:]] == [after for after, _ in made[:-1]]

    survives(count(FEW, MANY), "promote", prepare=prepare, work=work, check=check)


@pytest.mark.bar("R19")
def test_an_import_is_there_whole_or_not_at_all_and_the_same_file_again_completes_it(project: Project, tmp_path, count):
    def prepare(number: int) -> Path:
        file = tmp_path / f"{number}.jsonl"
        lines = [{"q": f"What is {number}.{n}?", "a": "That.", "good": n % 2} for n in range(700)]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return file

    def work(file: Path) -> None:
        there = Interaction.objects.filter(project=project).count()
        assert there % 700 == 0, "half an import is visible"
        import_interactions(project, file, {"prompt": "q", "output": "a", "thumb": "good"})

    def check(file: Path) -> None:
        done = ImportJob.objects.filter(project=project, file_name=file.name, state="done")
        assert sum(job.created for job in done) == 700
        stored = Interaction.objects.filter(project=project, prompt__startswith=f"What is {file.stem}.")
        assert stored.count() == 700

    survives(count(FEW, MANY), "import", prepare=prepare, work=work, check=check)


def test_an_exported_file_is_whole_or_absent(project: Project, tmp_path, count):
    snapshot = make_snapshot(project, rows=40)
    lines = snapshot.rows.count()

    def work(file: Path) -> None:
        assert not file.exists() or len(file.read_text().splitlines()) == lines, "half an export is visible"
        call_command("export_dataset", project=project.slug, out=file)

    def check(file: Path) -> None:
        assert len(file.read_text().splitlines()) == lines
        assert [one.name for one in tmp_path.iterdir() if not one.name.startswith(".")] == [file.name]
        file.unlink()

    survives(count(FEW, MANY), "export", prepare=lambda n: tmp_path / f"{n}.jsonl", work=work, check=check)
