"""What a moderator's request names, looked up among what the person may see."""

from collections.abc import Sequence

from annotations.capture.models import Feedback, Session
from annotations.review.lookup import queue_of
from annotations.review.models import Queue
from annotations.triage.models import Decision, Rule, SavedView
from labelhub.errors import Invalid, NotFound
from labelhub.people.models import User
from labelhub.projects.models import Project


def session_of(project: Project, user: User, pk: int) -> Session:
    """Raises NotFound."""
    session = Session.objects.visible_to(user).filter(project=project, pk=pk).first()
    if session is None:
        raise NotFound
    return session


def chosen_queue(project: Project, user: User, slug: str) -> Queue:
    """A queue named in a form or a body, not in the address: raises Invalid when there is none."""
    try:
        return queue_of(project, user, slug)
    except NotFound as unknown:
        words = f"Choose one of the project's queues: there is none called {slug!r:.80}."
        raise Invalid(words, field="queue") from unknown


def decision_of(project: Project, user: User, pk: int) -> Decision:
    """One's own; raises NotFound for those of others too, for only who decided takes it back."""
    decision = Decision.objects.filter(project=project, by=user, pk=pk).first()
    if decision is None:
        raise NotFound
    return decision


def view_of(project: Project, user: User, pk: int) -> SavedView:
    """One's own; raises NotFound for those of others too."""
    view = SavedView.objects.filter(project=project, by=user, pk=pk).first()
    if view is None:
        raise NotFound
    return view


def rule_of(project: Project, pk: int) -> Rule:
    """Raises NotFound."""
    rule = Rule.objects.filter(project=project, pk=pk).select_related("project").first()
    if rule is None:
        raise NotFound
    return rule


def better_answer_of(session: Session, pk: int) -> Feedback:
    """What an end user wrote instead of an answer of `session`. Raises NotFound."""
    signs = Feedback.objects.filter(session=session, kind=Feedback.Kind.REWRITE, pk=pk).exclude(interaction=None)
    sign = signs.select_related("interaction__session__project").first()
    if sign is None:
        raise NotFound
    return sign


def chosen_sessions(project: Project, user: User, pks: Sequence[int]) -> list[Session]:
    """In the order in which they are named; what is not there is left out."""
    found = Session.objects.visible_to(user).filter(project=project).in_bulk(list(pks))
    return [found[pk] for pk in dict.fromkeys(pks) if pk in found]
