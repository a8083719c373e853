"""What somebody should know: told once, kept until it was read."""

from typing import ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from labelhub.people.models import User
from labelhub.projects.models import Project


class NoticeQuerySet(models.QuerySet["Notice"]):
    def of(self, user: User) -> Self:
        """Those of projects that `user` still belongs to, the newest first."""
        mine = self.filter(user=user, project__in=Project.objects.visible_to(user))
        return mine.select_related("by", "project").order_by("-pk")

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notice(models.Model):
    """`by` did something that `user` should look at: `text` says what, `path` leads there."""

    project = models.ForeignKey(Project, models.CASCADE)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    text = models.CharField(max_length=300)
    path = models.CharField(max_length=300)
    at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    objects: ClassVar[NoticeQuerySet] = NoticeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="notice_newest"),
            models.Index(fields=["user"], name="notice_unread", condition=models.Q(read_at=None)),
        ]

    def __str__(self) -> str:
        return self.text
