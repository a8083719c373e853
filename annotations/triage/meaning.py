"""Rules that compare an answer with others, by the meaning of its question or by what was approved."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet
from rapidfuzz import fuzz

from annotations.capture.models import Interaction
from annotations.capture.wording import language
from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding
from annotations.recall.nearest import Near, nearest, vectors
from annotations.review.models import Approval, Label
from annotations.triage.models import Rule
from annotations.triage.rules import EVIDENCE, MEANINGS, sampled, threshold_of
from labelhub.projects.models import Project

Found = tuple[Rule, Interaction, str]  # a rule, the interaction that it flags, the evidence
SAME_QUESTION = 0.9  # cosine from which two questions should have the same answer
ENOUGH = 50  # questions before which nothing is new, as everything is
LOOKED_BACK = 300  # questions by which it is told what languages are usual


def comparable(project: Project) -> QuerySet[Interaction]:
    """Those with a vector, before the first that still waits for its own: a reader by id passes none over."""
    asked = Embedding.objects.current().filter(project=project, kind=PROMPT)
    waits = asked.filter(vector=None).order_by("object_id").values_list("object_id", flat=True).first()
    rows = Interaction.objects.filter(Exists(asked.filter(object_id=OuterRef("pk"))), project=project)
    return rows if waits is None else rows.filter(pk__lt=waits)


def found_by_meaning(project: Project, rules: Iterable[Rule], rows: Sequence[Interaction]) -> list[Found]:
    """What the rules of MEANINGS among `rules` find in `rows`, which have vectors and are in the order of their ids."""
    asked = {rule.kind: rule for rule in rules if rule.kind in MEANINGS}
    if not asked or not rows:
        return []
    news = asked.get(Rule.Kind.NEW_LANGUAGE)
    found = list(_languages(project, news, rows)) if news else []
    known = vectors(project, PROMPT, [row.pk for row in rows]) if asked.keys() - {Rule.Kind.NEW_LANGUAGE} else {}
    looks = {
        Rule.Kind.REPHRASED: _rephrased, Rule.Kind.NEAR_PROBLEM: _near_problem,
        Rule.Kind.FAR_FROM_GOLD: _far_from_gold, Rule.Kind.NEW_REGION: _new_region,
    }  # fmt: skip
    for row in rows:
        for kind, look in looks.items():
            if kind in asked and row.pk in known:
                found += look(asked[kind], row, known[row.pk])
    return [one for one in found if sampled(one[0], one[1])]


def _rephrased(rule: Rule, row: Interaction, vector: np.ndarray) -> Iterator[Found]:
    """The question before it in its session, when this one asks the same in other words: that answer did not help."""
    before = Interaction.objects.filter(session=row.session_id, pk__lt=row.pk).order_by("-pk").first()
    other = vectors(row.project, PROMPT, [before.pk]).get(before.pk) if before else None
    if before is None or other is None:
        return
    alike = float(vector @ other / (np.linalg.norm(vector) * np.linalg.norm(other) or 1))
    if alike >= threshold_of(rule):
        yield rule, before, f"asked again in other words ({alike:.2f} alike): “{row.prompt[:EVIDENCE]}”"


def _near_problem(rule: Rule, row: Interaction, vector: np.ndarray) -> Iterator[Found]:
    corrected = Approval.objects.filter(project=row.project_id).current().corrections().exclude(interaction=row.pk)
    for near in _nearest(row, vector, corrected, threshold_of(rule)):
        at = corrected.filter(interaction=near.object_id).values_list("at", flat=True).first()
        when = f", corrected {at:%-d %b}" if at else ""
        yield rule, row, f"near a known problem: “{near.text[:EVIDENCE]}”{when}"


def _far_from_gold(rule: Rule, row: Interaction, vector: np.ndarray) -> Iterator[Found]:
    approved = Approval.objects.filter(project=row.project_id).current().exclude(interaction=row.pk)
    for near in _nearest(row, vector, approved, SAME_QUESTION):
        gold = approved.filter(interaction=near.object_id).select_related("label", "interaction").first()
        text = _gold_answer(gold) if gold else ""
        alike = fuzz.token_set_ratio(text, row.output) / 100 if text else 1.0
        if alike < threshold_of(rule):
            yield rule, row, f"{alike:.0%} like what was approved for “{near.text[:EVIDENCE]}”"


def _new_region(rule: Rule, row: Interaction, vector: np.ndarray) -> Iterator[Found]:
    near = [one for one in nearest(row.project, PROMPT, vector, ENOUGH) if one.object_id != row.pk]
    if len(near) >= ENOUGH - 1 and near[0].similarity < threshold_of(rule):
        yield rule, row, f"unlike anything asked before: the nearest question is {near[0].similarity:.2f} alike"


def _languages(project: Project, rule: Rule, rows: Sequence[Interaction]) -> Iterator[Found]:
    before = Interaction.objects.filter(project=project, pk__lt=rows[0].pk).order_by("-pk")
    usual = Counter(language(prompt) for prompt in before.values_list("prompt", flat=True)[:LOOKED_BACK])
    for row in rows:
        spoken, enough = language(row.prompt), usual.total() >= ENOUGH
        if enough and spoken and usual[spoken] < threshold_of(rule) * usual.total():
            yield rule, row, f"new language: {spoken}"
        usual[spoken] += 1


def _nearest(row: Interaction, vector: np.ndarray, among: QuerySet[Approval], least: float) -> list[Near]:
    found = nearest(row.project, PROMPT, vector, 1, among.values("interaction"))
    return [one for one in found if one.similarity >= least]


def _gold_answer(approval: Approval) -> str:
    label = approval.label
    return label.rewrite or (approval.interaction.output if label.verdict == Label.Verdict.GOOD else "")
