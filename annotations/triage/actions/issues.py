"""Product issues: what moderators meet in sessions and the model is not to blame for."""

from typing import Any

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from annotations.capture.models import Session
from annotations.triage.actions.decisions import decide, open_flags
from annotations.triage.models import Decision, ProductIssue
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right
from labelhub.states import move

TITLE = 200  # characters


@transaction.atomic
def make_issue_of(session: Session, *, title: str, by: User) -> Decision:
    """Close the open flags of `session`: they belong to the project's issue of this title, which is made if it is new.

    A closed issue that is met again is open again. Raises Invalid, NotAllowed, StaleState when nothing is open.
    """
    flags = open_flags(session, by)
    title = " ".join(title.split())
    ensure(title, Invalid("Say what is wrong with the product.", field="title"))
    ensure(len(title) <= TITLE, Invalid(f"title must be text of at most {TITLE} characters.", field="title"))
    issue, _ = ProductIssue.objects.get_or_create(project=session.project, title=title, defaults={"by": by})
    if issue.state == ProductIssue.State.CLOSED:
        move(issue, to=ProductIssue.State.OPEN)
    return decide(session, Decision.Kind.PRODUCT_ISSUE, flags, by=by, reason="", issue=issue)


@transaction.atomic
def set_state(issue: ProductIssue, *, to: str, by: User) -> None:
    """Close it, or open it again. Raises NotAllowed, Invalid, StaleState when somebody was faster."""
    ensure_right(by, issue.project, Right.TRIAGE)
    ensure(to in ProductIssue.State.values, Invalid("state must be open or closed.", field="state"))
    ensure(issue.state != to, StaleState(f"This issue is {issue.state} already."))
    move(issue, to=to)


def issue_of(project_id: int, pk: int) -> ProductIssue:
    """Raises NotFound."""
    issue = ProductIssue.objects.filter(project=project_id, pk=pk).select_related("project").first()
    if issue is None:
        raise NotFound
    return issue


def listed(project: Project, before: int) -> QuerySet[Any]:
    """Annotated: met, in how many sessions; last_at. The newest first."""
    rows = ProductIssue.objects.filter(project=project)
    rows = rows.filter(pk__lt=before) if before else rows
    return rows.annotate(met=Count("decisions__session", distinct=True), last_at=Max("decisions__at")).order_by("-pk")
