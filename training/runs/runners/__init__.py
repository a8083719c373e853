"""The runner that the installation is set to."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from training.runs.runners.contract import Handle, Progress, Runner
from training.runs.runners.local import LocalRunner

RUNNERS: dict[str, type[Runner]] = {"local": LocalRunner}

__all__ = ["Handle", "Progress", "Runner", "configured_runner"]


def configured_runner() -> Runner:
    """Raises ImproperlyConfigured for a name that is none."""
    try:
        return RUNNERS[settings.LABELHUB_RUNNER]()
    except KeyError:
        raise ImproperlyConfigured(f"LABELHUB_RUNNER must be one of {', '.join(RUNNERS)}.") from None
