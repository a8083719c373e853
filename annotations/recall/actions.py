"""Handing texts to the encoder and keeping what comes back."""

import hashlib
from collections.abc import Iterable

from django.db import transaction
from pgvector import HalfVector

from annotations.recall.models import Embedding, EncoderSet, encoder_name
from labelhub import jobs
from labelhub.llm import client
from labelhub.projects.models import Project

PROMPT = "prompt"  # object id = interaction id


def current_set() -> EncoderSet:
    """The vectors of the encoder that is configured now."""
    return EncoderSet.objects.get_or_create(name=encoder_name())[0]


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
    """Make up to `limit` wanted vectors; True if more may be wanted. Raises Unavailable when the encoder is down."""
    wanted = Embedding.objects.current().missing().filter(project=project_id)
    rows = list(wanted[:limit])
    if asked_anew := _ask_anew(project_id, limit - len(rows)):
        rows = list(wanted[:limit])
    vectors = _known_vectors(project_id, rows)
    new = sorted({row.text for row in rows} - vectors.keys())
    vectors |= dict(zip(new, _encoded(new), strict=True))
    for row in rows:
        row.vector = vectors[row.text]
    with transaction.atomic():
        Embedding.objects.bulk_update(rows, ["vector"])
        if rows:
            jobs.wake("embedded", project_id)
    return len(rows) == limit or asked_anew


@transaction.atomic
def _ask_anew(project_id: int, limit: int) -> bool:
    """Want anew what encoders made that are not used any more, up to `limit` of it; whether there was any.

    Their vectors are given up: nothing compares them.
    """
    others = list(EncoderSet.objects.exclude(name=encoder_name()).values_list("pk", flat=True))
    made = Embedding.objects.filter(project=project_id, encoder_set__in=others).order_by("pk")
    rows = list(made.defer("vector").select_for_update()[:limit])
    for kind in sorted({row.kind for row in rows}):
        want(rows[0].project, kind, [(row.object_id, row.text) for row in rows if row.kind == kind])
    Embedding.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return bool(rows)


def _known_vectors(project_id: int, rows: list[Embedding]) -> dict[str, HalfVector]:
    """Text → vector for texts of `rows` that somebody asked before: customers repeat themselves."""
    same = Embedding.objects.current().ready().filter(
        project=project_id, text_sha256__in={row.text_sha256 for row in rows}
    ).order_by("text_sha256").distinct("text_sha256")  # fmt: skip
    return {row.text: row.vector for row in same if row.vector is not None}


def _encoded(texts: list[str]) -> list[HalfVector]:
    try:
        return [HalfVector(vector) for vector in client.embed(texts)]
    except client.Declined as refusal:  # it is not down: an attempt that did not count would be made for ever
        raise RuntimeError(refusal.detail) from refusal
