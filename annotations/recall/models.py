"""Vectors. Recall knows texts, not labels: others hand it (kind, object id, text) and get ids and distances back."""

import hashlib
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from pgvector.django import HalfVectorField

from labelhub.llm.client import DIMENSIONS as DIMENSIONS
from labelhub.projects.models import Project

NAME = 200


def encoder_name() -> str:
    """What tells the configured encoder from every other: the whole of its folder or hub id."""
    name: str = settings.LABELHUB_ENCODER.rstrip("/")
    return name if len(name) <= NAME else hashlib.sha256(name.encode()).hexdigest()


class EncoderSet(models.Model):
    """One encoder as it was used: vectors of two sets are never compared."""

    name = models.CharField(max_length=NAME, unique=True)
    dimensions = models.PositiveIntegerField(default=DIMENSIONS)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class EmbeddingQuerySet(models.QuerySet["Embedding"]):
    def current(self) -> Self:
        """Those of the encoder that is configured now."""
        return self.filter(encoder_set=EncoderSet.objects.filter(name=encoder_name()).values("pk")[:1])

    def missing(self) -> Self:
        """Wanted and not made yet, oldest first."""
        return self.filter(vector=None).order_by("pk")

    def ready(self) -> Self:
        return self.exclude(vector=None)


class Embedding(models.Model):
    """The vector of one text of one object; empty until the encoder has seen it."""

    encoder_set = models.ForeignKey(EncoderSet, models.CASCADE)
    project = models.ForeignKey(Project, models.CASCADE)
    kind = models.CharField(max_length=20, help_text="What the object is: prompt, case.")
    object_id = models.BigIntegerField()
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    vector = HalfVectorField(dimensions=DIMENSIONS, null=True)
    wanted_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[EmbeddingQuerySet] = EmbeddingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["encoder_set", "project", "kind", "object_id"], name="embedding_is_one_per_object"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "id"], name="embedding_missing", condition=models.Q(vector=None)),
            models.Index(fields=["project", "text_sha256"], name="embedding_of_text"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
