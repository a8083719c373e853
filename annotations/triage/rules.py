"""What the rules see. Pure: a rule and one answer, or one sign of reception, give the evidence in words, or nothing."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from annotations.capture.heuristics import sources_of
from annotations.capture.models import Feedback, Interaction, Score
from annotations.capture.wording import instructions, listed, personal_data, unsupported
from annotations.triage.models import Flag, Rule

Kind = Rule.Kind
EVIDENCE = 160  # characters of somebody's words that evidence quotes


@dataclass(frozen=True)
class Check:
    """How a kind of rule begins in a project. `limit`: what its threshold says, '' where it has none."""

    severity: int
    threshold: float | None = None
    limit: str = ""
    bounds: tuple[float, float] = (0, 1)  # of the threshold
    active: bool = True


SIGNS: dict[str, Check] = {
    Kind.THUMB_DOWN: Check(2),
    Kind.LOW_RATING: Check(2, 2.0, "A rating of at most", (1, 5)),
    Kind.ASKED_AGAIN: Check(1),
    Kind.ABANDONED: Check(1),
    Kind.SUGGESTED: Check(3),
    Kind.NAMED_FAULT: Check(2),
    Kind.COPIED: Check(1),
    Kind.RATED_BEST: Check(1, 5.0, "A rating of at least", (1, 5)),
    Kind.THUMB_UP: Check(1, active=False),
}
ANSWERS: dict[str, Check] = {
    Kind.LOW_CONFIDENCE: Check(1, 0.4, "A confidence below"),
    Kind.LOW_LOGPROB: Check(1, -1.5, "A mean log-probability a token, in nats, below", (-100, 0), active=False),
    Kind.PERSONAL_DATA: Check(3, active=False),
    Kind.INSTRUCTIONS: Check(3),
    Kind.UNSUPPORTED: Check(2, active=False),
    Kind.AUDIT: Check(1, active=False),
}
MEANINGS: dict[str, Check] = {
    Kind.REPHRASED: Check(2, 0.8, "Two questions of a session at least this much alike (cosine)"),
    Kind.NEAR_PROBLEM: Check(2, 0.9, "A question at least this much like a corrected one (cosine)", active=False),
    Kind.FAR_FROM_GOLD: Check(
        3, 0.4, "The answer has less than this share of the words of what was approved", active=False
    ),
    Kind.NEW_LANGUAGE: Check(1, 0.01, "A language in less than this share of the questions before", active=False),
    Kind.NEW_REGION: Check(1, 0.3, "No earlier question is this much like it (cosine)", active=False),
}
SCORES: dict[str, Check] = {Kind.JUDGED_LOW: Check(2, 0.5, "A score by the judge model below", active=False)}
CHECKS = SIGNS | ANSWERS | MEANINGS | SCORES | {Kind.WORDS: Check(2)}
FIRST_SHARE: dict[str, float] = {Kind.AUDIT: 0.01}
EXEMPLARS = {Kind.COPIED, Kind.RATED_BEST, Kind.THUMB_UP}
_KINDS: dict[str, set[str]] = {
    Kind.THUMB_DOWN: {Feedback.Kind.THUMB},
    Kind.THUMB_UP: {Feedback.Kind.THUMB},
    Kind.LOW_RATING: {Feedback.Kind.RATING},
    Kind.RATED_BEST: {Feedback.Kind.RATING},
    Kind.ASKED_AGAIN: {Feedback.Kind.FOLLOW_UP, Feedback.Kind.REGENERATE},
    Kind.ABANDONED: {Feedback.Kind.ABANDON},
    Kind.SUGGESTED: {Feedback.Kind.REWRITE},
    Kind.NAMED_FAULT: {Feedback.Kind.CATEGORY},
    Kind.COPIED: {Feedback.Kind.COPY},
    Kind.INSTRUCTIONS: {Feedback.Kind.REWRITE, Feedback.Kind.COMMENT},
}


def flag_kind(rule: Rule) -> str:
    return Flag.Kind.EXEMPLAR if rule.kind in EXEMPLARS else Flag.Kind.DEFECT


def sampled(rule: Rule, interaction: Interaction) -> bool:
    """Whether `interaction` is in the rule's share: the same whenever it is asked, and more with a larger share."""
    return in_share(rule.share, f"{rule.project_id}:{rule.kind}:{rule.name}:{interaction.external_id}")


def in_share(share: float, named: str) -> bool:
    """Whether what is `named` so is drawn into `share`, 0 to 1; what is in a share is in each larger one too."""
    return share >= 1 or int.from_bytes(hashlib.sha256(named.encode()).digest()[:8]) < share * 2**64


def evidence_in_feedback(rule: Rule, sign: Feedback) -> str:
    """Why `sign` makes `rule` raise a flag, '' if it does not."""
    if sign.kind not in _KINDS.get(rule.kind, set()) or sign.interaction is None:
        return ""
    if rule.kind == Kind.INSTRUCTIONS:
        found = instructions(sign.text)
        said = f"an end user's words read like an order to the model: “{found}”" if found else ""
    else:
        said = _reaction(rule, sign)
    return said if said and sampled(rule, sign.interaction) else ""


def _reaction(rule: Rule, sign: Feedback) -> str:
    value = sign.value or 0
    if rule.kind == Kind.THUMB_DOWN and value > 0:
        return ""
    if rule.kind == Kind.THUMB_UP and value < 0:
        return ""
    if rule.kind == Kind.LOW_RATING and value > threshold_of(rule):
        return ""
    if rule.kind == Kind.RATED_BEST and value < threshold_of(rule):
        return ""
    told = sign.text and sign.kind not in {Feedback.Kind.REWRITE, Feedback.Kind.CATEGORY}
    return f"{sign.words}: “{sign.text[:EVIDENCE]}”" if told else sign.words


def evidence_in_score(rule: Rule, score: Score) -> str:
    """Why what the judge model gave makes `rule` raise a flag, '' if it does not."""
    if score.value is None or score.value >= threshold_of(rule) or not sampled(rule, score.interaction):
        return ""
    said = f"the judge model gave it {score.value:.2f}"
    return f"{said}: “{score.note[:EVIDENCE]}”" if score.note else said


def evidence_in_interaction(rule: Rule, interaction: Interaction) -> str:
    """Why `interaction` makes `rule` raise a flag by itself, '' if it does not."""
    said = _seen(rule, interaction)
    return said if said and sampled(rule, interaction) else ""


def _seen(rule: Rule, one: Interaction) -> str:
    match rule.kind:
        case Kind.LOW_CONFIDENCE:
            low = one.confidence is not None and one.confidence < threshold_of(rule)
            return f"low confidence {one.confidence:.2f}" if low else ""
        case Kind.LOW_LOGPROB:
            low = one.mean_logprob is not None and one.mean_logprob < threshold_of(rule)
            return f"the model found its own words unlikely: {one.mean_logprob:.2f} nats a token" if low else ""
        case Kind.PERSONAL_DATA:
            return _where(one, personal_data, "personal data: {found} in the {place}")
        case Kind.INSTRUCTIONS:
            return _where(one, instructions, "the {place} reads like an order to the model: “{found}”")
        case Kind.WORDS:
            words = rule.words.splitlines()
            return _where(one, lambda text: listed(text, words)[:80], f"{rule.name}: “{{found}}” in the {{place}}")
        case Kind.UNSUPPORTED:
            return _without_support(one)
        case Kind.AUDIT:
            return "random audit"
    return ""


def _where(one: Interaction, look: Callable[[str], str], words: str) -> str:
    for place, text in (("question", one.prompt), ("answer", one.output)):
        if found := look(text):
            return words.replace("{place}", place).replace("{found}", found)
    return ""


def _without_support(one: Interaction) -> str:
    sources = sources_of(one)
    missing = unsupported(one.output, sources) if sources else []
    return f"no document says {', '.join(missing[:3])}"[:EVIDENCE] if missing else ""


def threshold_of(rule: Rule) -> float:
    default = CHECKS[rule.kind].threshold or 0.0
    return rule.threshold if rule.threshold is not None else default
