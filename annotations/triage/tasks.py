"""Follow-ups of capture: flags within a second or two of the sign that raised them."""

from datetime import timedelta

from django.db.models.functions import Now

from annotations.capture.actions.ingest import link_parked
from annotations.capture.actions.scores import measure
from annotations.capture.actions.watermarks import unread
from annotations.capture.models import Feedback, Interaction
from annotations.capture.wording import instructions
from annotations.review.models import Label
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.actions.scores import draw_for_judge, judge_awaited
from annotations.triage.meaning import comparable, found_by_meaning
from annotations.triage.models import Rule
from annotations.triage.rules import MEANINGS, evidence_in_feedback, evidence_in_interaction
from labelhub import jobs
from labelhub.jobs.models import Cluster
from labelhub.projects.models import Project

RECENT = timedelta(minutes=15)  # a follow-up comes within seconds


@jobs.follow_up("reacted")
def flag_reactions(project_id: int) -> bool:
    project = Project.objects.get(pk=project_id)
    link_parked(project)
    rules = rules_of(project)
    linked = Feedback.objects.filter(project=project).exclude(interaction=None).select_related("interaction")
    with unread("flag_reactions", project, linked) as signs:
        found = [(rule, sign.interaction, evidence_in_feedback(rule, sign)) for sign in signs for rule in rules]
        raise_flags(project, [item for item in found if item[2]])
    return bool(signs.more)


@jobs.follow_up("captured")
def flag_captured(project_id: int) -> bool:
    project = Project.objects.get(pk=project_id)
    rules = rules_of(project)
    with unread("flag_captured", project, Interaction.objects.filter(project=project)) as rows:
        link_parked(project, rows)  # what came while they were being stored
        # Feedback that was parked may be older than what flag_reactions has read up to.
        early = Feedback.objects.filter(interaction__in=[row.pk for row in rows]).select_related("interaction")
        found = [(rule, row, evidence_in_interaction(rule, row)) for row in rows for rule in rules]
        found += [(rule, sign.interaction, evidence_in_feedback(rule, sign)) for sign in early for rule in rules]
        raise_flags(project, [item for item in found if item[2]])
        measure(project, rows)
        draw_for_judge(project, rows)
    return bool(rows.more)


@jobs.follow_up("drawn", cluster=Cluster.TRAINING)
def judge_drawn(project_id: int) -> bool:
    """It takes seconds an answer and nobody waits for it: so not among what people wait for."""
    return judge_awaited(Project.objects.get(pk=project_id))


@jobs.follow_up("embedded")
def flag_by_meaning(project_id: int) -> bool:
    project = Project.objects.get(pk=project_id)
    rules = [rule for rule in rules_of(project) if rule.kind in MEANINGS]
    compared = comparable(project) if rules else comparable(project).only("received_at")
    with unread("flag_by_meaning", project, compared.select_related("project") if rules else compared) as rows:
        raise_flags(project, found_by_meaning(project, rules, rows))
    return bool(rows.more)


@jobs.follow_up("judged")
def flag_corrections(project_id: int) -> bool:
    """What an expert wrote may reach prompts and weights: who orders the model about in it is looked at first."""
    project = Project.objects.get(pk=project_id)
    watched = [rule for rule in rules_of(project) if rule.kind == Rule.Kind.INSTRUCTIONS]
    labels = Label.objects.filter(project=project, created_at__gt=Now() - RECENT).exclude(rewrite="")
    for label in labels.select_related("task__interaction") if watched else ():
        if found := instructions(label.rewrite):
            said = f"a correction reads like an order to the model: “{found}”"
            raise_flags(project, [(watched[0], label.task.interaction, said)])
    return False
