"""Who sees what of training, and how things are numbered within a project."""

from typing import Any, Self

from django.db import models
from django.db.models import Max

from labelhub.projects.models import Project
from labelhub.projects.rights import Right


class OfProjectQuerySet(models.QuerySet[Any]):
    """For models with a `project`."""

    def visible_to(self, user: Any) -> Self:
        """Everything of the projects that `user` trains."""
        return self.filter(project__in=Project.objects.where(user, Right.TRAIN))

    def of(self, project: Project) -> Self:
        return self.filter(project=project)

    def newest_first(self) -> Self:
        return self.order_by("-pk")


def next_number(rows: "models.QuerySet[Any]", project: Project) -> int:
    """The next number of `project` in `rows`. Call inside a transaction: it locks the project until the commit."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    highest: int | None = rows.filter(project=project).aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1
