"""Which questions are (nearly) the same question. Vectors in, pairs out; recall's vectors where it has them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from annotations.capture.models import Interaction
from annotations.recall import nearest
from annotations.recall.actions import PROMPT
from annotations.recall.sameness import NEAR_DUPLICATE_MEANING, near_duplicate
from labelhub.llm import client
from labelhub.projects.models import Project
from training.datasets.canonical import Message, prompt_sha256, turns_sha256

CHUNK = 64
PART = 512  # questions that are compared with all others at a time: the whole matrix may not fit into memory
ROUNDING = 0.001  # of a cosine: recall keeps half precision, an encoder asked just now answers in full


@dataclass(frozen=True)
class Asked:
    """One question. `key` hashes the normalised conversation, `before` what was said earlier in it."""

    id: int
    text: str
    key: str
    before: str
    vector: np.ndarray = field(repr=False, compare=False)  # [384] float32, unit length


def asked_by(interactions: Iterable[Interaction], project: Project) -> list[Asked]:
    """The questions of captured calls. Raises Unavailable when a vector is missing and the encoder is down."""
    return asked([(row.pk, row.messages) for row in interactions], project, PROMPT)


def asked(conversations: Sequence[tuple[int, list[Message]]], project: Project, kind: str) -> list[Asked]:
    """`conversations`: (object id in recall's `kind`, messages). Vectors that recall lacks are made now."""
    known = nearest.vectors(project, kind, [pk for pk, _ in conversations])
    missing = [(pk, messages[-1]["content"]) for pk, messages in conversations if pk not in known]
    for at in range(0, len(missing), CHUNK):
        chunk = missing[at : at + CHUNK]
        known.update(zip((pk for pk, _ in chunk), client.embed([text for _, text in chunk]), strict=True))
    return [_asked(pk, messages, known[pk]) for pk, messages in conversations]


def remembered(conversations: Sequence[tuple[int, list[Message]]], project: Project, kind: str) -> list[Asked]:
    """As `asked`, less those that recall has no vector of: no encoder is asked."""
    known = nearest.vectors(project, kind, [pk for pk, _ in conversations])
    return [_asked(pk, messages, known[pk]) for pk, messages in conversations if pk in known]


def _asked(pk: int, messages: list[Message], vector: np.ndarray) -> Asked:
    return Asked(pk, messages[-1]["content"], prompt_sha256(messages), turns_sha256(messages), vector)


def matrix(questions: Sequence[Asked]) -> np.ndarray:
    """[n, 384] float32; [0, 1] for no questions."""
    return np.stack([q.vector for q in questions]) if questions else np.zeros((0, 1), np.float32)


def cosines(a: Sequence[Asked], b: Sequence[Asked]) -> np.ndarray:
    """[len(a), len(b)] float32."""
    if not a or not b:
        return np.zeros((len(a), len(b)), np.float32)
    similarities: np.ndarray = matrix(a) @ matrix(b).T
    return similarities


def alike(a: Sequence[Asked], b: Sequence[Asked]) -> dict[int, Asked]:
    """Position in `a` → the first of `b` that is the same question or a near-duplicate of it."""
    by_key = {question.key: question for question in reversed(b)}
    found: dict[int, Asked] = {i: by_key[q.key] for i, q in enumerate(a) if q.key in by_key}
    for i, j, cosine in _close(a, b):
        if i not in found and _nearly(a[i], b[j], cosine):
            found[i] = b[j]
    return found


def alike_earlier(questions: Sequence[Asked]) -> dict[int, Asked]:
    """Position → the first earlier question that it nearly repeats."""
    found: dict[int, Asked] = {}
    for i, j, cosine in _close(questions, questions):
        if j < i and i not in found and _nearly(questions[i], questions[j], cosine):
            found[i] = questions[j]
    return found


def near_pairs(a: Sequence[Asked], b: Sequence[Asked], *, surely: bool) -> Iterator[tuple[int, int]]:
    """Positions of near-duplicates: `surely` those that are by any rounding, else also those that may be by some."""
    slack = ROUNDING if surely else -ROUNDING
    for i, j, cosine in _close(a, b, NEAR_DUPLICATE_MEANING + slack):
        if _nearly(a[i], b[j], cosine - slack):
            yield i, j


def _close(
    a: Sequence[Asked], b: Sequence[Asked], least: float = NEAR_DUPLICATE_MEANING
) -> Iterator[tuple[int, int, float]]:
    """Pairs of positions that mean nearly the same, in order."""
    for at in range(0, len(a), PART):
        similar = cosines(a[at : at + PART], b)
        for i, j in zip(*np.nonzero(similar >= least), strict=True):
            yield at + int(i), int(j), float(similar[i, j])


def _nearly(one: Asked, other: Asked, cosine: float) -> bool:
    return one.before == other.before and near_duplicate(one.text, other.text, cosine)
