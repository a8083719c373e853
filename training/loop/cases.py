"""Which answers are cases, and which of them are blocked where: conditions of a query.

A case is an answer that somebody or something reported: by a bad sign of reception, a flag, or a label.
"""

from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from annotations.capture.models import Feedback, Interaction
from annotations.review.models import Approval, Label, LabelQuerySet, ReviewTask
from annotations.triage.models import Flag
from labelhub.projects.models import Project
from training.datasets.models import SnapshotRow
from training.evaluation.models import CaseResult, Evaluation

Kind = Feedback.Kind
STOPS = {  # as the address of the board says it; standing.py says of a case which it is
    "flagged": "Not flagged",
    "labeled": "Not labeled",
    "approved": "Not approved",
    "snapshot": "Not in a snapshot",
    "version": "Not in a version",
    "verified": "Not verified",
    "done": "Verified",
    "closed": "Closed",
}
BAD = (
    Q(kind=Kind.THUMB, value__lt=0)
    | Q(kind=Kind.RATING, value__lte=2)
    | Q(kind__in=[Kind.CATEGORY, Kind.REWRITE, Kind.FOLLOW_UP, Kind.REGENERATE, Kind.ABANDON])
)
TAUGHT = "evaluation__version__run__snapshot__rows__"


def complaints() -> QuerySet[Feedback]:
    return Feedback.objects.filter(BAD)


def judgements() -> LabelQuerySet:
    """Labels of an answer that stand and were not overruled, neither of a pair nor of a calibration item."""
    return Label.objects.standing().filter(task__calibration=False, task__candidate=None, overruling=None)


def work() -> QuerySet[ReviewTask]:
    """Answers that wait for an expert."""
    return ReviewTask.objects.open().filter(candidate=None)


def own_tests() -> QuerySet[Any]:
    """What versions answered to the very question that they had learned. Annotated: taught, the approval's id."""
    results = CaseResult.objects.filter(evaluation__state=Evaluation.State.SUCCEEDED)
    row = {"taught": F(f"{TAUGHT}approval"), "asked": F(f"{TAUGHT}prompt_sha256"), "right": F(f"{TAUGHT}completion")}
    return results.annotate(**row).filter(case__prompt_sha256=F("asked"), case__gold=F("right"))


def _gold(*conditions: Exists) -> Q:
    """The answer has a gold one for which they hold."""
    return Q(Exists(Approval.objects.current().filter(*conditions, interaction=OuterRef("pk"))))


_ROWS = SnapshotRow.objects.filter(approval=OuterRef("pk"))
_FLAGS = Flag.objects.filter(interaction=OuterRef("pk"))
_COMPLAINED = Q(Exists(complaints().filter(interaction=OuterRef("pk"))))
_FLAGGED, _OPEN = Q(Exists(_FLAGS)), Q(Exists(_FLAGS.open()))
_QUEUED = Q(Exists(work().filter(interaction=OuterRef("pk"))))
_LABELED = Q(Exists(judgements().filter(task__interaction=OuterRef("pk"))))
_APPROVED, _FROZEN = _gold(), _gold(Exists(_ROWS))
_LEARNED = _gold(Exists(_ROWS.filter(snapshot__runs__version__isnull=False)))
_VERIFIED = _gold(Exists(own_tests().filter(taught=OuterRef("pk"), after_exact=True)))
_PLACES = {  # what is labeled is the more so when it is approved, and so on
    "flagged": _COMPLAINED & ~_FLAGGED & ~_QUEUED & ~_LABELED,
    "labeled": (_QUEUED | _OPEN) & ~_LABELED,
    "approved": _LABELED & ~_APPROVED,
    "snapshot": _APPROVED & ~_FROZEN,
    "version": _FROZEN & ~_LEARNED,
    "verified": _LEARNED & ~_VERIFIED,
    "done": _VERIFIED,
    "closed": _FLAGGED & ~_OPEN & ~_QUEUED & ~_LABELED,
}


def cases(project: Project, stop: str = "") -> QuerySet[Interaction]:
    """The newest first; `stop`, one of STOPS: only those that stand there.

    What it costs grows with the number of cases, not with that of answers.
    """
    found = Interaction.objects.filter(pk__in=_reported(project)).order_by("-pk")
    return found.filter(_PLACES[stop]) if stop else found


def _reported(project: Project) -> QuerySet[Any]:
    """The ids of the answers that are cases."""
    complained = complaints().filter(project=project).exclude(interaction=None).values("interaction")
    flagged = Flag.objects.filter(project=project).order_by().values("interaction")
    return complained.union(flagged, judgements().filter(project=project).values("task__interaction"))
