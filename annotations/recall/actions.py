"""Handing texts to the encoder and keeping what comes back."""

from collections.abc import Iterable

from django.conf import settings
from pgvector import HalfVector

from annotations.recall.models import Embedding, EncoderSet
from labelhub.llm import client
from labelhub.projects.models import Project

PROMPT = "prompt"  # object id = interaction id


def current_set() -> EncoderSet:
    """The vectors of the encoder that is configured now."""
    name = settings.LABELHUB_ENCODER.rstrip("/").rsplit("/", 1)[-1]
    return EncoderSet.objects.get_or_create(name=name)[0]


def want(project: Project, kind: str, texts: Iterable[tuple[int, str]]) -> None:
    """Ask for vectors of (object id, text); an object that has one, or is asked for already, is left alone."""
    encoder_set = current_set()
    Embedding.objects.bulk_create(
        (
            Embedding(encoder_set=encoder_set, project=project, kind=kind, object_id=object_id, text=text)
            for object_id, text in texts
        ),
        ignore_conflicts=True,
    )


def embed_missing(project_id: int, *, limit: int = 64) -> bool:
    """Make up to `limit` wanted vectors; True if more are wanted. Raises Unavailable when the encoder is down."""
    rows = list(Embedding.objects.missing().filter(project=project_id)[:limit])
    if not rows:
        return False
    for row, vector in zip(rows, client.embed([row.text for row in rows]), strict=True):
        row.vector = HalfVector(vector)
    Embedding.objects.bulk_update(rows, ["vector"])
    return len(rows) == limit
