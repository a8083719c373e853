"""What was injected into prompts, for provenance, effect and time-to-fix."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from annotations.review.models import Approval
from labelhub.projects.models import Project


class Injection(models.Model):
    """One approved correction handed out by the context API."""

    project = models.ForeignKey(Project, models.CASCADE)
    approval = models.ForeignKey(Approval, models.CASCADE, related_name="injections")
    prompt_sha256 = models.CharField(max_length=64, help_text="Of the asking prompt; its text is not kept here.")
    similarity = models.FloatField(help_text="Cosine of the asking prompt and the corrected one.")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["approval", "at"], name="injection_first")]

    def __str__(self) -> str:
        return f"label:{self.approval.label_id}"
