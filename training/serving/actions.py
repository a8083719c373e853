"""Making a version answer, and taking it back: the files, the server, and the record of who did it."""

from contextlib import suppress

from labelhub.errors import Unavailable
from labelhub.people.models import User
from labelhub.projects.models import Project
from training.registry import actions as registry
from training.registry.models import Promotion
from training.runs.models import ModelVersion
from training.serving import inference


def release(version: ModelVersion, *, slot: str, by: User, note: str = "") -> Promotion:
    """Load `version`, see it answer, and promote it: from the commit on, every request is answered by it.

    Raises what `registry.promote` raises, before anything is loaded, and Unavailable when the server does not load it.
    """
    registry.ensure_promotable(version, slot=slot, by=by)
    inference.deploy(version)
    promotion = registry.promote(version, slot=slot, by=by, note=note)
    with suppress(Unavailable):
        inference.tidy(version.project)
    return promotion


def take_back(project: Project, *, slot: str, by: User, reason: str) -> Promotion:
    """Roll back at once. The earlier version is usually still loaded; if not, and the server is away, it is loaded
    with the first question. Raises what `registry.roll_back` raises, and then has loaded nothing."""
    promotion = registry.roll_back(project, slot=slot, by=by, reason=reason)
    if promotion.version:
        with suppress(Unavailable):
            inference.load(promotion.version)
    return promotion
