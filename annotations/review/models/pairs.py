"""The other answer of a pair."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import MD5, Now

from annotations.capture.models import Interaction
from labelhub.projects.models import Project


class Candidate(models.Model):
    """What could have been answered instead: an interaction's output and this are judged as a pair."""

    class Origin(models.TextChoices):
        MODEL = "model", "another version of the model"
        PERSON = "person", "a person"

    project = models.ForeignKey(Project, models.CASCADE)
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="candidates")
    text = models.TextField()
    version = models.CharField(max_length=200, blank=True, help_text="Of the model, as it calls itself.")
    origin = models.CharField(max_length=6, choices=Origin, default=Origin.MODEL)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("interaction", MD5("text"), name="candidate_is_one_per_answer_and_text")
        ]

    def __str__(self) -> str:
        return f"Candidate {self.pk}"
