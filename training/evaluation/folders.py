"""The folder of an evaluation: what is asked and who answers, and which cases this base cannot be asked."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from labelhub.errors import Invalid, ensure
from training.datasets.base_model import base_folder
from training.evaluation.models import Case, Evaluation
from training.lm.contract import LEFT_OUT
from training.lm.files import read_lines
from training.lm.rows import Case as Question
from training.lm.specs import Version, write_evaluate
from training.runs import store
from training.runs.models import ModelVersion

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class LeftOut:
    """A case that has no result: it counts neither as right nor as wrong."""

    case: int
    why: str


def evaluation_folder(evaluation: Evaluation) -> Path:
    return Path(settings.DATA_DIR) / "evaluations" / evaluation.folder


def prepare(evaluation: Evaluation, folder: Path) -> None:
    """Write what is asked and who answers. Raises Conflict when an adapter is not what was registered."""
    cases = Case.objects.of(evaluation.project).asked().order_by("pk")
    ensure(cases, Invalid("There is no case to evaluate on: approve labels, or upload held-out cases."))
    write_evaluate(
        folder,
        base_model=str(base_folder()),
        base_sha256=evaluation.version.origin.base_sha256,
        versions=[_who(BEFORE, evaluation.baseline), _who(AFTER, evaluation.version)],
        cases=[_question(case) for case in cases],
    )


def _question(case: Case) -> Question:
    """A blank answer may have been corrected; how likely it is says nothing, and the kernel scores none."""
    return Question(str(case.pk), tuple(case.messages), case.gold, case.rejected if case.rejected.strip() else None)


def _who(name: str, version: ModelVersion | None) -> Version:
    return Version(name) if version is None else Version(name, str(store.verified(version)), version.files)


def left_out(evaluation: Evaluation) -> list[LeftOut]:
    """What the kernel could not ask, by case. [] before it has said so."""
    path = evaluation_folder(evaluation) / LEFT_OUT
    lines = read_lines(path) if path.is_file() else []
    return [LeftOut(int(line["id"]), line["reason"]) for line in lines]
