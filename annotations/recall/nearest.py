"""Questions to the vectors. Exact within a project: the scan is over its own rows, never over a shared index."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import models
from pgvector.django import CosineDistance

from annotations.recall.models import Embedding
from labelhub.projects.models import Project


@dataclass(frozen=True)
class Near:
    object_id: int
    text: str
    similarity: float  # cosine, -1 to 1


def nearest(
    project: Project, kind: str, vector: np.ndarray, k: int, among: models.QuerySet[Any] | None = None
) -> list[Near]:
    """The `k` nearest objects of `kind` in `project`, nearest first; `among` is a queryset of one column of ids."""
    rows = Embedding.objects.current().ready().filter(project=project, kind=kind)
    if among is not None:
        rows = rows.filter(object_id__in=among)
    found = rows.annotate(distance=CosineDistance("vector", vector)).order_by("distance")
    facts = found.values_list("object_id", "text", "distance")[:k]  # the vectors themselves stay in the database
    return [Near(object_id, text, 1.0 - distance) for object_id, text, distance in facts]


def vectors(project: Project, kind: str, ids: Iterable[int]) -> dict[int, np.ndarray]:
    """Object id → vector [384] float32, for those that have one."""
    rows = Embedding.objects.current().ready().filter(project=project, kind=kind, object_id__in=list(ids))
    return {object_id: np.asarray(vector, np.float32) for object_id, vector in rows.values_list("object_id", "vector")}
