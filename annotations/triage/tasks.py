"""Follow-ups of capture: flags within a second or two of the sign that raised them."""

from annotations.capture.actions.ingest import link_parked
from annotations.capture.actions.watermarks import unread
from annotations.capture.models import Feedback, Interaction
from annotations.triage.actions import raise_flags, rules_of
from annotations.triage.rules import evidence_in_feedback, evidence_in_interaction
from labelhub import jobs
from labelhub.projects.models import Project


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
    return bool(rows.more)
