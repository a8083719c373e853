"""What people generalised, and what was injected into prompts, for provenance, effect and time-to-fix."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from annotations.review.models import Approval
from annotations.triage.models import Decision
from labelhub.people.models import User
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


class GuidanceQuerySet(models.QuerySet["Guidance"]):
    def waiting(self) -> Self:
        """Drafts: neither approved nor retired."""
        return self.filter(approval=None, retirement=None)

    def active(self) -> Self:
        """Those that reach prompts now, by the database's clock."""
        valid = Q(expires_at=None) | Q(expires_at__gt=Now())
        return self.filter(valid, retirement=None).exclude(approval=None)


class Guidance(models.Model):
    """An instruction for questions like its trigger, which a person generalised. It reaches prompts once approved."""

    project = models.ForeignKey(Project, models.CASCADE)
    trigger = models.TextField(help_text="A question that it is for.")
    instruction = models.TextField()
    reach = models.FloatField(default=0.75, help_text="Questions at least this near to the trigger (cosine) are meant.")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    decision = models.ForeignKey(Decision, models.SET_NULL, null=True, related_name="+", help_text="That it came from.")
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[GuidanceQuerySet] = GuidanceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "guidance"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(reach__range=(0.5, 1)), name="guidance_reach_is_a_cosine")
        ]

    def __str__(self) -> str:
        return f"guidance:{self.pk}"


class GuidanceApproval(models.Model):
    """A second person lets it into prompts. A trigger refuses the author, and any change of the words afterwards."""

    guidance = models.OneToOneField(Guidance, models.CASCADE, related_name="approval")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Approval of guidance {self.guidance_id}"


class GuidanceRetirement(models.Model):
    """It reaches no prompt any more; a draft is given up by it."""

    guidance = models.OneToOneField(Guidance, models.CASCADE, related_name="retirement")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Guidance {self.guidance_id} retired"


class GuidanceInjection(models.Model):
    """Guidance handed out by the context API."""

    project = models.ForeignKey(Project, models.CASCADE)
    guidance = models.ForeignKey(Guidance, models.CASCADE, related_name="injections")
    prompt_sha256 = models.CharField(max_length=64, help_text="Of the asking prompt; its text is not kept here.")
    similarity = models.FloatField(help_text="Cosine of the asking prompt and the trigger.")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["guidance", "at"], name="guidance_injected")]

    def __str__(self) -> str:
        return f"guidance:{self.guidance_id}"
