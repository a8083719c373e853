"""What an expert submits, checked. The same shape is a draft's content, the API's body and the form's result."""

from dataclasses import dataclass
from typing import Any

from annotations.review.models import Label
from annotations.review.spans import anchored, apply_replacements
from labelhub.body import stored_text
from labelhub.errors import Invalid, ensure
from labelhub.projects.models import Category, Taxonomy

FIELDS = {
    "verdict", "categories", "root_cause", "rewrite", "confidence", "note", "active_seconds", "comments", "fence",
}  # fmt: skip
MAX_TEXT = 1024 * 1024
MAX_COMMENTS = 10_000


@dataclass(frozen=True)
class Comment:
    start: int
    end: int
    exact: str
    prefix: str
    suffix: str
    text: str
    category: Category | None
    replacement: str | None


@dataclass(frozen=True)
class Judgement:
    verdict: str
    categories: tuple[tuple[Category, int], ...]  # with severity 1 to 3
    root_cause: str
    rewrite: str
    confidence: str
    note: str
    active_seconds: float
    comments: tuple[Comment, ...]

    @classmethod
    def parse(cls, payload: Any, taxonomy: Taxonomy, output: str) -> "Judgement":
        """Raises Invalid with the field and what to do."""
        ensure(isinstance(payload, dict), Invalid("Send an object with at least a verdict."))
        unknown = set(payload) - FIELDS
        ensure(not unknown, Invalid(f"Unknown fields: {', '.join(sorted(unknown))[:200]}."))
        known = {category.slug: category for category in taxonomy.category_set.all()}
        comments = tuple(_comment(item, i, known, output) for i, item in enumerate(_list(payload, "comments")))
        verdict = _choice(payload, "verdict", Label.Verdict.values, required=True)
        rewrite = _text(payload, "rewrite") or _implied_rewrite(verdict, comments, output)
        judgement = cls(
            verdict=verdict,
            categories=tuple(_category(item, i, known) for i, item in enumerate(_list(payload, "categories"))),
            root_cause=_choice(payload, "root_cause", Label.RootCause.values),
            rewrite=rewrite,
            confidence=_choice(payload, "confidence", Label.Confidence.values),
            note=_text(payload, "note"),
            active_seconds=_seconds(payload),
            comments=comments,
        )
        judgement._hangs_together(output)
        return judgement

    def _hangs_together(self, output: str) -> None:
        if self.verdict == Label.Verdict.FLAWED:
            ensure(
                self.categories or self.rewrite or self.comments,
                Invalid("Say what was wrong: choose a category, comment on a stretch, or write a better answer."),
            )
            ensure(self.rewrite != output, Invalid("The better answer equals the output. Change it, or call it good."))
        else:
            ensure(not self.categories, Invalid("Categories of fault go with the verdict flawed."))
            ensure(not self.rewrite, Invalid("A better answer goes with the verdict flawed."))
        slugs = [category.slug for category, _ in self.categories]
        ensure(len(slugs) == len(set(slugs)), Invalid("A category stands twice."))


def _implied_rewrite(verdict: str, comments: tuple[Comment, ...], output: str) -> str:
    """The rewrite that replacements on spans imply when none was written."""
    changes = [(c.start, c.end, c.replacement) for c in comments if c.replacement is not None]
    if verdict != Label.Verdict.FLAWED or not changes:
        return ""
    return apply_replacements(output, changes)


def _list(payload: dict[str, Any], name: str) -> list[Any]:
    value = payload.get(name) or []
    ensure(
        isinstance(value, list) and len(value) <= MAX_COMMENTS,
        Invalid(f"{name} must be a list of at most {MAX_COMMENTS}."),
    )
    return list(value)


def _text(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    if value is None:
        return ""
    ensure(isinstance(value, str) and len(value) <= MAX_TEXT, Invalid(f"{name} must be text of at most 1 MiB."))
    return stored_text(value)[0]


def _choice(payload: dict[str, Any], name: str, allowed: list[str], *, required: bool = False) -> str:
    value = payload.get(name) or ""
    ensure(value or not required, Invalid(f"{name} is missing: one of {', '.join(allowed)}."))
    ensure(value == "" or value in allowed, Invalid(f"{name} must be one of {', '.join(allowed)}."))
    return str(value)


def _seconds(payload: dict[str, Any]) -> float:
    value = payload.get("active_seconds", 0)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    ensure(is_number and 0 <= value < 86_400, Invalid("active_seconds must be a number from 0 to 86,400."))
    return float(value)


def _category(item: Any, i: int, known: dict[str, Category]) -> tuple[Category, int]:
    ensure(isinstance(item, dict), Invalid(f"categories[{i}] must be an object."))
    category = known.get(str(item.get("category")))
    severity = item.get("severity", 2)
    is_level = isinstance(severity, int) and not isinstance(severity, bool) and 1 <= severity <= 3
    ensure(is_level, Invalid(f"categories[{i}].severity must be 1, 2 or 3."))
    if category is None:
        raise Invalid(f"categories[{i}]: there is no category {item.get('category')!r}. Known: {', '.join(known)}.")
    return category, severity


def _comment(item: Any, i: int, known: dict[str, Category], output: str) -> Comment:
    ensure(isinstance(item, dict), Invalid(f"comments[{i}] must be an object."))
    start, end, exact = item.get("start"), item.get("end"), item.get("exact")
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (start, end))
    if not whole or not isinstance(exact, str):
        raise Invalid(f"comments[{i}] needs whole numbers start and end, and the text exact between them.")
    prefix, suffix = anchored(output, start, end, exact)
    slug = item.get("category")
    ensure(slug is None or slug == "" or slug in known, Invalid(f"comments[{i}]: there is no category {slug!r}."))
    replacement = item.get("replacement")
    text = _text(item, "text")
    ensure(replacement is None or isinstance(replacement, str), Invalid(f"comments[{i}].replacement must be text."))
    ensure(
        text or slug or replacement is not None, Invalid(f"comments[{i}] says nothing: text, category or replacement.")
    )
    return Comment(
        start, end, exact, prefix, suffix, text, known[slug] if slug else None,
        stored_text(replacement)[0] if replacement is not None else None,
    )  # fmt: skip
