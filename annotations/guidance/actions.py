"""Handing corrections out."""

import hashlib

from annotations.guidance.context import ContextAnswer, context_for
from annotations.guidance.models import Injection
from labelhub.projects.models import Project


def give_context(project: Project, prompt: str) -> ContextAnswer:
    """What `prompt` should be told, with a row for each correction handed out: its effect is measured by them."""
    answer = context_for(project, prompt)
    sha = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
    Injection.objects.bulk_create(
        Injection(project=project, approval_id=c.approval_id, prompt_sha256=sha, similarity=c.similarity)
        for c in answer.corrections
    )
    return answer
