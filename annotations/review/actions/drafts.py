"""What is being typed. Every save says which version it builds on, so two tabs never overwrite each other silently."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from annotations.review.actions.claims import renew
from annotations.review.models import Claim, Draft, ReviewTask
from labelhub.errors import Invalid, StaleState, ensure
from labelhub.people.models import User


def save_draft(task: ReviewTask, *, by: User, fence: int, version: int, content: dict[str, Any]) -> Draft:
    """Keep `content` as version + 1; `version` is the one it builds on, 0 for the first.

    Raises StaleState with extra draft and version when another tab was faster, or without them when the claim is gone.
    """
    ensure(isinstance(content, dict), Invalid("A draft is an object."))
    claim = Claim.objects.filter(task=task, by=by).select_related("task__queue").first()
    if claim is None or claim.state != Claim.State.HELD or claim.fence != fence:
        raise StaleState("You do not hold this task any more. Your text is still in this tab: copy it, or claim again.")
    renew(claim)
    if version == 0:
        try:
            with transaction.atomic():
                return Draft.objects.create(task=task, by=by, content=content)
        except IntegrityError:
            pass  # another tab made the first version; told below
    kept = Draft.objects.filter(task=task, by=by, version=version)
    if version > 0 and kept.update(content=content, version=F("version") + 1, updated_at=Now()):
        return Draft.objects.get(task=task, by=by)
    other = Draft.objects.filter(task=task, by=by).first()
    if other is None:  # submitted or sent away meanwhile
        raise StaleState("This draft is gone: the label was submitted in another tab.")
    raise StaleState("Another tab saved this draft. Compare the two texts.", draft=other.content, version=other.version)
