"""Handing texts to the encoder and keeping what comes back."""

import hashlib
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


def text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def want(project: Project, kind: str, texts: Iterable[tuple[int, str]]) -> None:
    """Ask for vectors of (object id, text); an object that has one, or is asked for already, is left alone."""
    encoder_set = current_set()
    Embedding.objects.bulk_create(
        (
            Embedding(
                encoder_set=encoder_set,
                project=project,
                kind=kind,
                object_id=object_id,
                text=text,
                text_sha256=text_sha256(text),
            )
            for object_id, text in texts
        ),
        ignore_conflicts=True,
    )


def embed_missing(project_id: int, *, limit: int = 64) -> bool:
    """Make up to `limit` wanted vectors; True if more are wanted. Raises Unavailable when the encoder is down."""
    rows = list(Embedding.objects.missing().filter(project=project_id)[:limit])
    if not rows:
        return False
    vectors = _known_vectors(rows)
    new = sorted({row.text for row in rows} - vectors.keys())
    vectors |= {text: HalfVector(vector) for text, vector in zip(new, client.embed(new), strict=True)}
    for row in rows:
        row.vector = vectors[row.text]
    Embedding.objects.bulk_update(rows, ["vector"])
    return len(rows) == limit


def _known_vectors(rows: list[Embedding]) -> dict[str, HalfVector]:
    """Text → vector for texts of `rows` that somebody asked before: customers repeat themselves."""
    first = rows[0]
    same = Embedding.objects.ready().filter(
        encoder_set=first.encoder_set_id, project=first.project_id, text_sha256__in={row.text_sha256 for row in rows}
    )
    return {row.text: row.vector for row in same if row.vector is not None}
