"""What people say to each other about a comment: replies, mentions, and that it is settled."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.urls import reverse

from annotations.review.models import Label, Reply, Resolution, SpanComment
from labelhub.body import stored_text
from labelhub.errors import Invalid, NotFound, StaleState, ensure
from labelhub.notices.actions import tell
from labelhub.notices.mentions import mentioned
from labelhub.people.models import User
from labelhub.projects.models import Project
from labelhub.projects.rights import Right, roles_with

LIMIT = 10_000  # characters of a reply


@transaction.atomic
def reply(comment: SpanComment, *, by: User, text: str) -> Reply:
    """Answer in the comment's thread; its author, who answered before, and who is mentioned are told.

    Raises NotFound for who may not see the label, Invalid for an empty or endless text.
    """
    label = _seen(comment, by)
    words = stored_text(text.strip())[0]
    ensure(words, Invalid("Say something: the reply is empty.", field="text"))
    ensure(len(words) <= LIMIT, Invalid(f"text must be at most {LIMIT:,} characters.", field="text"))
    made = Reply.objects.create(comment=comment, by=by, text=words)
    earlier = User.objects.filter(pk__in=Reply.objects.filter(comment=comment).values("by"))
    readers = set(_readers(label))
    told = {label.author, *earlier, *mentioned(words, readers)} & readers
    _tell(told, comment, label, by, f"“{words}”")
    return made


@transaction.atomic
def resolve(comment: SpanComment, *, by: User) -> Resolution:
    """Nothing is left to say about it. Raises NotFound, StaleState where somebody was faster."""
    _seen(comment, by)
    try:
        with transaction.atomic():
            return Resolution.objects.create(comment=comment, by=by)
    except IntegrityError as error:
        raise StaleState("This comment is resolved already.") from error


@transaction.atomic
def reopen(comment: SpanComment, *, by: User) -> None:
    """Take a resolution back. Raises NotFound, StaleState where nothing is resolved."""
    _seen(comment, by)
    taken_back, _ = Resolution.objects.filter(comment=comment).delete()
    ensure(taken_back, StaleState("This comment is open already."))


def tell_mentioned(label: Label, comments: Iterable[SpanComment]) -> None:
    """Whoever is named in the comments of a new label, and may see it."""
    naming = [comment for comment in comments if "@" in comment.text]
    readers = list(_readers(label)) if naming else []
    for comment in naming:
        _tell(mentioned(comment.text, readers), comment, label, label.author, f"“{comment.text}”")


def _seen(comment: SpanComment, by: User) -> Label:
    """The comment's label. Raises NotFound unless `by` may see it now."""
    label = Label.objects.visible_to(by).filter(pk=comment.label_id).select_related("project", "author").first()
    if label is None:
        raise NotFound
    return label


def _readers(label: Label) -> Iterable[User]:
    """Everybody who may see the label: its author, and who approves in its project."""
    deciding = {"membership__project": label.project_id, "membership__role__in": roles_with(Right.APPROVE)}
    members = User.objects.filter(is_active=True, membership__project=label.project_id)
    return (members.filter(pk=label.author_id) | members.filter(**deciding)).distinct()


def _tell(people: Iterable[User], comment: SpanComment, label: Label, by: User, text: str) -> None:
    project: Project = label.project
    path = reverse("review:label_detail", args=[project.slug, label.pk]) + f"#comment-{comment.pk}"
    tell(people, project=project, by=by, text=text, path=path)
