"""Guidance of a project: one by its id, and the list."""

from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from annotations.guidance.models import Guidance
from labelhub.errors import NotFound
from labelhub.projects.models import Project


def guidance_of(project: Project, pk: int) -> Guidance:
    """Raises NotFound."""
    found = _whole(project).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def listed(project: Project, before: int = 0) -> QuerySet[Any]:
    """The newest first. Annotated: told, how often it was handed out."""
    rows = _whole(project).annotate(told=Count("injections")).order_by("-pk")
    return rows.filter(pk__lt=before) if before else rows


def state_of(guidance: Guidance) -> str:
    """waiting | active | expired | retired, of guidance from here."""
    if hasattr(guidance, "retirement"):
        return "retired"
    if guidance.expires_at and guidance.expires_at <= timezone.now():
        return "expired"
    return "active" if hasattr(guidance, "approval") else "waiting"


def _whole(project: Project) -> QuerySet[Guidance]:
    rows = Guidance.objects.filter(project=project)
    return rows.select_related("project", "author", "approval__by", "retirement__by", "decision")
