"""What an expert submits, checked. The same shape is a draft's content, the API's body and the form's result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotations.review.models import Label
from annotations.review.payload import MAX_TEXT, choice_of, list_of, seconds_of, text_of
from annotations.review.spans import anchored, apply_replacements
from labelhub.errors import Invalid, StaleState, ensure
from labelhub.projects.models import Category, Taxonomy

FIELDS = {
    "verdict", "categories", "root_cause", "rewrite", "confidence", "note", "active_seconds", "comments", "fence",
}  # fmt: skip


class Categories(dict[str, Category]):
    """Those of a taxonomy, by slug."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        super().__init__({category.slug: category for category in taxonomy.category_set.all()})
        self.taxonomy = taxonomy

    def named(self, slug: Any, at: str) -> Category:
        """Raises Invalid; StaleState for one of an earlier version, which somebody chose before there was another."""
        category = self.get(slug) if isinstance(slug, str) else None
        if category is not None:
            return category
        was = Category.objects.filter(taxonomy__project=self.taxonomy.project_id, slug=slug).first()
        gone = StaleState(f"The categories have changed: {was} is none of them any more. Reload and choose again.")
        ensure(was is None, gone)
        raise Invalid(f"{at}: there is no category {slug!r:.60}. Known: {', '.join(self)}.")


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
    def parse(cls, payload: Any, taxonomy: Taxonomy, output: str, *, pair: bool = False) -> "Judgement":
        """Of an output, or of a `pair`. Raises Invalid with the field and what to do."""
        ensure(isinstance(payload, dict), Invalid("Send an object with at least a verdict."))
        unknown = set(payload) - FIELDS
        ensure(not unknown, Invalid(f"Unknown fields: {', '.join(sorted(unknown))[:200]}."))
        known = Categories(taxonomy)
        comments = tuple(_comment(item, i, known, output) for i, item in enumerate(list_of(payload, "comments")))
        known_verdicts = [one for one in Label.Verdict if (one in Label.CHOICES) == pair]
        verdict = choice_of(payload, "verdict", known_verdicts, required=True)
        rewrite = text_of(payload, "rewrite") or _implied_rewrite(verdict, comments, output)
        judgement = cls(
            verdict=verdict,
            categories=tuple(_category(item, i, known) for i, item in enumerate(list_of(payload, "categories"))),
            root_cause=choice_of(payload, "root_cause", Label.RootCause.values),
            rewrite=rewrite,
            confidence=choice_of(payload, "confidence", Label.Confidence.values),
            note=text_of(payload, "note"),
            active_seconds=seconds_of(payload, "active_seconds"),
            comments=comments,
        )
        judgement._hangs_together(output, {category.pk: category for category in known.values()})
        return judgement

    def _hangs_together(self, output: str, known: Mapping[int, Category]) -> None:
        if self.verdict in Label.CHOICES:
            more = self.rewrite or self.comments or self.root_cause
            ensure(not more, Invalid("Of a pair one chooses: no better answer, no comments, no cause."))
        elif self.verdict == Label.Verdict.FLAWED:
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
        for category, _ in self.categories:
            for one in above(category, known):
                both = Invalid(f"{category} is a kind of {one}: choose the one that says it best, not both.")
                ensure(one.slug not in slugs, both)


def above(category: Category, known: Mapping[int, Category]) -> list[Category]:
    """What `category` lies below, the nearest first, of those that are `known` by id."""
    found: list[Category] = []
    while category.parent_id is not None and category.parent_id in known:
        category = known[category.parent_id]
        found.append(category)
    return found


def _implied_rewrite(verdict: str, comments: tuple[Comment, ...], output: str) -> str:
    """The rewrite that replacements on spans imply when none was written."""
    changes = [(c.start, c.end, c.replacement) for c in comments if c.replacement is not None]
    if verdict != Label.Verdict.FLAWED or not changes:
        return ""
    implied = apply_replacements(output, changes)
    much = f"With these replacements the better answer grows over {MAX_TEXT:,} characters"
    ensure(len(implied) <= MAX_TEXT, Invalid(f"{much}: make shorter replacements, or write the answer that you mean."))
    return implied


def _category(item: Any, i: int, known: Categories) -> tuple[Category, int]:
    ensure(isinstance(item, dict), Invalid(f"categories[{i}] must be an object."))
    severity = item.get("severity", 2)
    is_level = isinstance(severity, int) and not isinstance(severity, bool) and 1 <= severity <= 3
    ensure(is_level, Invalid(f"categories[{i}].severity must be 1, 2 or 3."))
    return known.named(item.get("category"), f"categories[{i}]"), severity


def _comment(item: Any, i: int, known: Categories, output: str) -> Comment:
    at = f"comments[{i}]"
    ensure(isinstance(item, dict), Invalid(f"{at} must be an object."))
    start, end, exact = item.get("start"), item.get("end"), item.get("exact")
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (start, end))
    if not whole or not isinstance(exact, str):
        raise Invalid(f"{at} needs whole numbers start and end, and the text exact between them.")
    prefix, suffix = anchored(output, start, end, exact)
    slug, text = item.get("category"), text_of(item, "text", at=f"{at}.")
    category = known.named(slug, at) if slug not in (None, "") else None
    replacement = text_of(item, "replacement", at=f"{at}.") if item.get("replacement") is not None else None
    says = text or category or replacement is not None
    ensure(says, Invalid(f"{at} says nothing: text, category or replacement."))
    return Comment(start, end, exact, prefix, suffix, text, category, replacement)
