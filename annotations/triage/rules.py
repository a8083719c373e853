"""What the rules see. Pure: a rule and one sign of reception give the evidence in words, or nothing."""

from annotations.capture.models import Feedback, Interaction
from annotations.triage.models import Flag, Rule

FIRST_RULES: list[tuple[str, float | None, int]] = [
    (Rule.Kind.THUMB_DOWN, None, 2),
    (Rule.Kind.LOW_RATING, 2.0, 2),
    (Rule.Kind.ASKED_AGAIN, None, 1),
    (Rule.Kind.ABANDONED, None, 1),
    (Rule.Kind.SUGGESTED, None, 3),
    (Rule.Kind.LOW_CONFIDENCE, 0.4, 1),
    (Rule.Kind.COPIED, None, 1),
]
_KINDS: dict[str, set[str]] = {
    Rule.Kind.THUMB_DOWN: {Feedback.Kind.THUMB},
    Rule.Kind.LOW_RATING: {Feedback.Kind.RATING},
    Rule.Kind.ASKED_AGAIN: {Feedback.Kind.FOLLOW_UP, Feedback.Kind.REGENERATE},
    Rule.Kind.ABANDONED: {Feedback.Kind.ABANDON},
    Rule.Kind.SUGGESTED: {Feedback.Kind.REWRITE},
    Rule.Kind.COPIED: {Feedback.Kind.COPY},
}


def flag_kind(rule: Rule) -> str:
    return Flag.Kind.EXEMPLAR if rule.kind == Rule.Kind.COPIED else Flag.Kind.DEFECT


def evidence_in_feedback(rule: Rule, sign: Feedback) -> str:
    """Why `sign` makes `rule` raise a flag, '' if it does not."""
    if sign.kind not in _KINDS.get(rule.kind, set()):
        return ""
    if rule.kind == Rule.Kind.THUMB_DOWN and (sign.value or 0) > 0:
        return ""
    if rule.kind == Rule.Kind.LOW_RATING and (sign.value or 0) > (rule.threshold or 2):
        return ""
    said = f": “{sign.text[:160]}”" if sign.text and sign.kind != Feedback.Kind.REWRITE else ""
    return f"{sign.words}{said}"


def evidence_in_interaction(rule: Rule, interaction: Interaction) -> str:
    if rule.kind != Rule.Kind.LOW_CONFIDENCE or interaction.confidence is None:
        return ""
    if interaction.confidence >= (rule.threshold if rule.threshold is not None else 0.4):
        return ""
    return f"low confidence {interaction.confidence:.2f}"
