"""Follow-ups of capture: every prompt gets a vector within a second or two."""

from annotations.capture.actions.watermarks import unread
from annotations.capture.models import Interaction
from annotations.recall.actions import PROMPT, embed_missing, want
from labelhub import jobs
from labelhub.projects.models import Project


@jobs.follow_up("captured")
def embed_captured(project_id: int) -> bool:
    project = Project.objects.get(pk=project_id)
    with unread("embed_captured", project, Interaction.objects.filter(project=project)) as rows:
        want(project, PROMPT, [(row.pk, row.prompt) for row in rows])
    return embed_missing(project_id) or bool(rows.more)
