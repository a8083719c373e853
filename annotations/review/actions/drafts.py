"""What is being typed. Every save says which version it builds on, so two tabs never overwrite each other silently."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from annotations.review.actions.claims import extended
from annotations.review.actions.labels import revisable
from annotations.review.actions.seats import locked
from annotations.review.models import Claim, Draft, ReviewTask
from labelhub.errors import Invalid, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.rights import Right


@transaction.atomic
def save_draft(task: ReviewTask, *, by: User, fence: int, version: int, content: dict[str, Any]) -> Draft:
    """Keep `content` as the next version; `version` is the one it builds on, 0 for the first.

    With a `tab` in it that is the one of what is kept, it builds on that: the tab was not told that it was saved.

    Raises StaleState with extra draft and version when another tab was faster; without them when the claim is gone, or
    there is no draft to build on.
    """
    ensure(isinstance(content, dict), Invalid("A draft is an object."))
    task = locked(task.pk)  # no label comes in between: its draft would stay behind
    ensure_right(by, task.project, Right.LABEL)
    claim = Claim.objects.filter(task=task, by=by, fence=fence).first()
    if claim is None or not _may_write(claim, task):
        raise StaleState("You do not hold this task any more. Your text is still in this tab: copy it, or claim again.")
    extended(claim, task)
    mine = Draft.objects.filter(task=task, by=by)
    kept = mine.first()
    if kept is None:
        ensure(version == 0, StaleState(f"There is no draft of version {version}: send version 0."))
        return Draft.objects.create(task=task, by=by, content=content)
    other = StaleState("Another tab saved this draft. Compare the two texts.", draft=kept.content, version=kept.version)
    ensure(kept.version == version or _same_tab(content, kept.content), other)
    mine.update(content=content, version=F("version") + 1, updated_at=Now())
    return mine.get()


def _same_tab(content: dict[str, Any], kept: dict[str, Any]) -> bool:
    return bool(content.get("tab")) and content["tab"] == kept.get("tab")


def _may_write(claim: Claim, task: ReviewTask) -> bool:
    """It is held, or what came of it was approved and is being revised."""
    done = claim.state == Claim.State.DONE
    return claim.state == Claim.State.HELD or (done and revisable(task, claim.by) is not None)
