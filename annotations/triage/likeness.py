"""Flagged sessions that are about the same."""

from dataclasses import dataclass

from annotations.capture.models import Session
from annotations.recall.actions import PROMPT
from annotations.recall.nearest import nearest, vectors
from annotations.recall.sameness import SAME_MEANING
from annotations.triage.models import Flag

LOOKED_AT = 12  # nearest flagged answers


@dataclass(frozen=True)
class Alike:
    session_id: int
    prompt: str
    similarity: float  # cosine of the questions


def alike(session: Session, interaction: int) -> list[Alike]:
    """Other sessions with an open flag on nearly the same question as `interaction` asks, the nearest first."""
    vector = vectors(session.project, PROMPT, [interaction]).get(interaction)
    if vector is None:
        return []
    flags = Flag.objects.filter(project=session.project_id).open().exclude(session=session.pk)
    near = nearest(session.project, PROMPT, vector, LOOKED_AT, among=flags.values("interaction"))
    of = dict(flags.filter(interaction__in=[one.object_id for one in near]).values_list("interaction", "session"))
    found: dict[int, Alike] = {}
    for one in near:
        if one.similarity >= SAME_MEANING and one.object_id in of:
            found.setdefault(of[one.object_id], Alike(of[one.object_id], one.text, one.similarity))
    return list(found.values())
