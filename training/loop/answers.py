"""What versions answer now to the questions of a session that somebody corrected."""

from django.db.models import QuerySet

from annotations.capture.models import Session
from training.evaluation.models import CaseResult, Evaluation


def answers_of(session: Session) -> QuerySet[CaseResult]:
    """For each case that an answer of `session` led to, what the newest version that was asked said to it.

    In the order of the cases, each with its version and the answer that counts as right.
    """
    results = CaseResult.objects.filter(
        case__interaction__session=session, evaluation__state=Evaluation.State.SUCCEEDED
    )
    newest = results.order_by("case", "-evaluation__version", "-evaluation").distinct("case")
    return newest.select_related("evaluation__version", "case__interaction")
