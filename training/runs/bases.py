"""Which base a version belongs to: an adapter changes the very weights that it was trained on, and no others."""

from labelhub.errors import Conflict, ensure
from training.datasets.base_model import base_sha256
from training.runs.models import ModelVersion


def ensure_on_base(*versions: ModelVersion | None) -> None:
    """Raises Conflict, with what to do, for a version of another base than the one that is set. None: the base itself.

    Loaded onto another base of the same shape it would answer without an error, and wrongly.
    """
    for version in versions:
        if version is not None:
            trained_on = version.origin.base_model
            why = f"{version} was trained on another base model than the one that is set now ({trained_on}). "
            how = "Set LABELHUB_BASE_MODEL to that one again; to change the base, roll back to the base before."
            ensure(version.origin.base_sha256 == base_sha256(), Conflict(why + how))
