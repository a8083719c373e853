"""What the desk and the approval page show of an interaction, a draft and a label. Asks no table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from annotations.capture.models import Feedback, Interaction
from annotations.review.judgement import above
from annotations.review.models import SpanComment, Suggestion
from annotations.review.spans import segments
from annotations.templatetags.hues import hue
from labelhub.projects.models import Category

LEVELS = [(1, "hardly matters"), (2, "misleads"), (3, "does harm")]


@dataclass(frozen=True)
class Choice:
    """One category on the desk, as it stands in the draft."""

    slug: str
    name: str
    description: str
    hue: int
    key: str  # the name of its key, '' beyond the ninth
    above: tuple[str, ...]  # the slugs of what it lies below, the nearest first
    checked: bool
    severity: int
    likely: float | None = None  # the confidence with which it is suggested


@dataclass(frozen=True)
class Note:
    """A comment beside its stretch; number counts from 1 in the order of the draft."""

    number: int
    start: int
    end: int
    exact: str
    text: str
    category: str
    hue: int | str
    replacement: str | None
    comment: SpanComment | None = None  # of a label; a draft has none


@dataclass(frozen=True)
class Mark:
    """A piece of the output, and the notes that lie on it."""

    text: str
    numbers: tuple[int, ...]
    hue: int | str

    @property
    def notes(self) -> str:
        return " ".join(map(str, self.numbers))

    @property
    def over(self) -> bool:
        """Several notes overlap here."""
        return len(self.numbers) > 1


@dataclass(frozen=True)
class Sign:
    words: str
    tone: str  # bad | warn | good | ''


def choices(
    categories: Iterable[Category], content: dict[str, Any], suggestions: Iterable[Suggestion] = ()
) -> list[Choice]:
    chosen = {str(item.get("category")): item.get("severity", 2) for item in dicts(content.get("categories"))}
    known = {category.pk: category for category in categories}
    likely = {one.category.slug: one.confidence for one in suggestions if one.category}
    return [
        Choice(
            c.slug, c.name, c.description, hue(c.position), key_of(n), tuple(one.slug for one in above(c, known)),
            c.slug in chosen, chosen.get(c.slug, 2), likely.get(c.slug),
        )
        for n, c in enumerate(known.values(), start=1)
    ]  # fmt: skip


def key_of(number: int) -> str:
    return f"category-{number}" if number < 10 else ""


def draft_notes(comments: Any, categories: Iterable[Category], output: str) -> list[Note]:
    """Notes of a draft. One that does not lie on the output is left out: drafts come in unchecked."""
    known = {category.slug: category for category in categories}
    notes = []
    for number, item in enumerate(dicts(comments), start=1):
        start, end, exact = item.get("start"), item.get("end"), item.get("exact")
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end and output[start:end] == exact):
            continue
        category = known.get(str(item.get("category")))
        said = str(item.get("text") or "")
        notes.append(Note(number, start, end, str(exact), said, *_named(category), item.get("replacement")))
    return notes


def label_notes(comments: Iterable[SpanComment]) -> list[Note]:
    return [
        Note(n, c.start, c.end, c.exact, c.text, *_named(c.category), c.replacement, c)
        for n, c in enumerate(comments, start=1)
    ]


def _named(category: Category | None) -> tuple[str, int | str]:
    return (category.name, hue(category.position)) if category else ("", "x")


def marks(output: str, notes: list[Note]) -> list[Mark]:
    """The output in pieces; joined they are the output, to the character."""
    return [
        Mark(piece.text, tuple(notes[i].number for i in piece.spans), notes[piece.spans[0]].hue if piece.spans else "")
        for piece in segments(output, notes)
    ]


def signs(feedback: Iterable[Feedback]) -> list[Sign]:
    """How the answer was received, each kind of sign once."""
    found = {said(sign): Sign(said(sign), tone(sign)) for sign in feedback}
    return list(found.values())


def said(sign: Feedback) -> str:
    return f"“{sign.text[:80]}”" if sign.kind == Feedback.Kind.COMMENT and sign.text else sign.words


def tone(sign: Feedback) -> str:
    kind, value = sign.kind, sign.value or 0
    if kind in {Feedback.Kind.FOLLOW_UP, Feedback.Kind.REGENERATE, Feedback.Kind.ABANDON, Feedback.Kind.REWRITE}:
        return "warn"
    if kind == Feedback.Kind.COPY:
        return "good"
    if kind == Feedback.Kind.THUMB:
        return "good" if value > 0 else "bad"
    if kind == Feedback.Kind.RATING:
        return {1: "bad", 2: "bad", 4: "good", 5: "good"}.get(round(value), "")
    return ""


def facts(interaction: Interaction) -> list[str]:
    """Where the answer came from, in few words."""
    sure = f"confidence {interaction.confidence:.2f}" if interaction.confidence is not None else ""
    parts = [interaction.model_version, interaction.environment, interaction.user_role, sure]
    return [part for part in parts if part]


def dicts(items: Any) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
