"""Two more decisions of the board: an end user's better answer is taken, and sessions are put together."""

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from annotations.review.views.bulk import numbers
from annotations.review.views.form import whole_number
from annotations.triage.actions.corrections import accept_correction
from annotations.triage.actions.decisions import merge_all
from annotations.triage.lookup import better_answer_of, chosen_queue, chosen_sessions, session_of
from annotations.triage.views.sessions import decided, following, left_alone
from labelhub.body import form_text
from labelhub.http import HtmxHttpRequest, project_page
from labelhub.projects.models import Project
from labelhub.projects.rights import Right


@require_POST
@project_page(Right.TRIAGE)
def session_correction(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """`sign` is the end user's better answer, `rewrite` what it should say."""
    session, after = session_of(project, request.user, pk), following(request, project, pk)
    sign = better_answer_of(session, whole_number(request.POST, "sign"))
    queue = chosen_queue(project, request.user, form_text(request.POST, "queue"))
    decision = accept_correction(sign, queue=queue, by=request.user, rewrite=form_text(request.POST, "rewrite"))
    return decided(request, project, [decision], after, "Taken as your label: somebody else approves it.")


@require_POST
@project_page(Right.TRIAGE)
def session_merge(request: HtmxHttpRequest, project: Project, pk: int) -> HttpResponse:
    """Those of `session` are put with the one of the address."""
    into = session_of(project, request.user, pk)
    chosen = [one for one in numbers(request.POST, "session") if one != pk]
    outcome = merge_all(chosen_sessions(project, request.user, chosen), into=into, by=request.user)
    left_alone(request, outcome.refused)
    return decided(request, project, outcome.decisions, into, f"{len(outcome.decisions)} put with this one.")
