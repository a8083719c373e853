"""What must hold of what answers now."""

from labelhub.invariants import Invariant
from training.lm.contract import ADAPTER_FILES
from training.registry.invariants import LIVE
from training.registry.models import Promotion
from training.runs import store


def _can_be_loaded(promotion: Promotion) -> str:
    version = promotion.version
    if version is None:
        return ""
    folder = store.folder_of(version.adapter_sha256)
    missing = [name for name in ADAPTER_FILES if not (folder / name).is_file()]
    if not missing:
        return ""
    where = f"{promotion.slot} of project {promotion.project_id}"
    return f"{version} is live in {where} and has no {', '.join(missing)}: restore it, or roll back."


INVARIANTS = [
    Invariant(
        "the files of what is live are there to be loaded",
        of=LIVE.exclude(version=None).select_related("version"),
        says=_can_be_loaded,
    ),
]
