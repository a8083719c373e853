"""The desk's form as a judgement's payload (the shape that `Judgement.parse` takes). Knows no tables."""

import math
from typing import Any

from django.http import QueryDict

from annotations.review.rewriting import with_replacements
from annotations.review.spans import anchored
from labelhub.body import form_text, parse_json, stored_value
from labelhub.errors import Invalid, Refused, ensure


def whole_number(post: QueryDict, name: str) -> int:
    """Raises Invalid."""
    value = post.get(name, "")
    ensure(value.isdecimal() and len(value) < 10, Invalid(f"{name} must be a whole number. Reload the page."))
    return int(value)


def read_form(post: QueryDict, output: str) -> dict[str, Any]:
    """What stands in the form as it can be stored, with the comment just added or without the one just removed.

    With `replace` the words that comments suggest stand in the rewrite. Raises Invalid when a comment does not lie on
    `output`.
    """
    rewrite, comments = form_text(post, "rewrite"), _comments(post, output)
    if "replace" in post:
        rewrite = with_replacements(output, rewrite, _anchored(comments, output))
    content: dict[str, Any] = {
        "verdict": _verdict(post),
        "categories": [{"category": slug, "severity": _severity(post, slug)} for slug in post.getlist("category")],
        "root_cause": post.get("root_cause", ""),
        "rewrite": "" if rewrite == output else rewrite,
        "confidence": post.get("confidence", ""),
        "note": form_text(post, "note"),
        "active_seconds": _seconds(post),
        "comments": comments,
    }
    return dict(stored_value(content)[0])


def read_choice(post: QueryDict, *, swapped: bool) -> dict[str, Any]:
    """Of a pair, what stands in the form; swapped: the other answer stood first."""
    picked = {"first": "b" if swapped else "a", "second": "a" if swapped else "b"}.get(post.get("pick", ""))
    content: dict[str, Any] = {
        "verdict": picked or post.get("pick", ""),
        "categories": [{"category": slug} for slug in post.getlist("category")],
        "confidence": post.get("confidence", ""),
        "note": form_text(post, "note"),
        "active_seconds": _seconds(post),
    }
    return dict(stored_value(content)[0])


def changes_comments(post: QueryDict) -> bool:
    return "comment" in post or "remove_comment" in post


def _verdict(post: QueryDict) -> str:
    if "good" in post or "nothing_wrong" in post:
        return "good"
    return "cannot_judge" if "cannot_judge" in post else "flawed"


def _severity(post: QueryDict, slug: str) -> int:
    value = post.get(f"severity-{slug}", "2")
    return int(value) if value in {"1", "2", "3"} else 2


def _seconds(post: QueryDict) -> float:
    try:
        value = float(post.get("active_seconds", "0"))
    except ValueError:
        return 0.0
    return min(max(value, 0.0), 86_399.0) if math.isfinite(value) else 0.0


def _comments(post: QueryDict, output: str) -> list[dict[str, Any]]:
    comments = _kept(post)
    if post.get("comment") == "span":
        comments.append(_picked(post, output))
    elif post.get("comment") == "quote":
        comments.append(_quoted(post, output))
    elif "remove_comment" in post:
        gone = whole_number(post, "remove_comment")
        comments = [comment for i, comment in enumerate(comments, start=1) if i != gone]
    return comments


def _anchored(comments: list[dict[str, Any]], output: str) -> list[dict[str, Any]]:
    """Those that lie on the output: drafts come in unchecked."""
    whole = [one for one in comments if isinstance(one.get("start"), int) and isinstance(one.get("end"), int)]
    return [
        one for one in whole
        if 0 <= one["start"] < one["end"] and output[one["start"] : one["end"]] == one.get("exact")
    ]  # fmt: skip


def _kept(post: QueryDict) -> list[dict[str, Any]]:
    try:
        kept = parse_json((post.get("comments") or "[]").encode())
    except Refused as error:
        raise Invalid("The comments did not arrive whole. Reload the page.") from error
    ensure(isinstance(kept, list) and all(isinstance(c, dict) for c in kept), Invalid("comments must be a list."))
    return list(kept)


def _picked(post: QueryDict, output: str) -> dict[str, Any]:
    """A stretch that was selected: the browser has counted code points."""
    start, end, exact = whole_number(post, "span_start"), whole_number(post, "span_end"), form_text(post, "span_exact")
    anchored(output, start, end, exact)
    return {"start": start, "end": end, "exact": exact, **_said(post, "span")}


def _quoted(post: QueryDict, output: str) -> dict[str, Any]:
    """A stretch that was copied by hand: its first occurrence counts."""
    exact = form_text(post, "quote")
    start = output.find(exact)
    ensure(exact and start >= 0, Invalid("These words do not stand in the output. Copy them exactly."))
    return {"start": start, "end": start + len(exact), "exact": exact, **_said(post, "quote")}


def _said(post: QueryDict, prefix: str) -> dict[str, Any]:
    text, replacement = form_text(post, f"{prefix}_text"), form_text(post, f"{prefix}_replacement")
    category = post.get(f"{prefix}_category") or None
    ensure(text or replacement or category, Invalid("Say something about these words: category, comment, other words."))
    return {"text": text, "category": category, "replacement": replacement or None}
