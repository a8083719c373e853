"""Which version answers now. The newest promotion of a slot says so, and nothing else does."""

from django.db.models import Q

from labelhub.projects.models import Project
from training.registry.models import Promotion
from training.runs.models import ModelVersion

Slot = Promotion.Slot
BASE = "base"  # what the base is called where a version would be named


def live_promotion(project: Project, slot: str = Slot.PRODUCTION) -> Promotion | None:
    """None while nothing was ever promoted there: the base is live."""
    return Promotion.objects.of(project).in_slot(slot).with_people().newest_first().first()


def live_version(project: Project, slot: str = Slot.PRODUCTION) -> ModelVersion | None:
    """None: the base."""
    promotion = live_promotion(project, slot)
    return promotion.version if promotion else None


def name_of(version: ModelVersion | None) -> str:
    return version.name if version else BASE


def answered_by(project: Project, version: ModelVersion | None) -> Q:
    """Which captured interactions are answers of `version`; of the base: those that name no version of ours."""
    if version:
        return Q(model_version=version.name)
    return ~Q(model_version__regex=rf"^{project.slug}-v[0-9]+$")


def undone_by_rollback(live: Promotion | None) -> Promotion | None:
    """The promotion that a rollback would take back now: the live one, or what is left after earlier rollbacks."""
    while live is not None and live.undoes is not None:
        live = live.undoes.previous
    return live


def before(promotion: Promotion) -> ModelVersion | None:
    """What was live before `promotion`, rollbacks followed to what they brought back."""
    return promotion.previous.version if promotion.previous else None
