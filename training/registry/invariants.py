"""What must hold of what is live: one version in a slot, through the gate, by a second person where two are needed."""

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from labelhub.invariants import Invariant, differs
from training.evaluation.models import Evaluation
from training.registry.models import GateReport, Promotion

BASE = Value(0)  # no version has this id
_IN_SLOT = Promotion.objects.filter(project=OuterRef("project"), slot=OuterRef("slot"))
_BETWEEN = _IN_SLOT.filter(pk__gt=Coalesce(OuterRef("previous"), BASE), pk__lt=OuterRef("pk"))
PROMOTED = Promotion.objects.filter(undoes=None)
LIVE = Promotion.objects.exclude(Exists(_IN_SLOT.filter(pk__gt=OuterRef("pk"))))

INVARIANTS = [
    Invariant(
        "the gate passed a version exactly when each of its rules did",
        of=GateReport.objects.all(),
        broken=Q(rules=[])
        | Q(passed=True, rules__contains=[{"passed": False}])
        | Q(passed=False) & ~Q(rules__contains=[{"passed": False}]),
        says="Gate report {row.pk} says passed = {row.passed}, and its rules say otherwise: evaluate again.",
    ),
    Invariant(
        "the gate judged an evaluation that succeeded",
        of=GateReport.objects.all(),
        broken=~Q(evaluation__state=Evaluation.State.SUCCEEDED),
        says="Gate report {row.pk} judges evaluation {row.evaluation_id}, which did not succeed.",
    ),
    Invariant(
        "what was promoted had passed the gate",
        of=PROMOTED,
        broken=Q(version=None)
        | Q(gate_report=None)
        | Q(gate_report__passed=False)
        | differs("gate_report__evaluation__version", F("version")),
        says="Promotion {row.pk} made version {row.version_id} live in {row.slot} and gate report {row.gate_report_id} "
        "did not pass it: roll back.",
    ),
    Invariant(
        "what went into production was compared with what it replaced",
        of=PROMOTED.filter(slot=Promotion.Slot.PRODUCTION)
        .exclude(gate_report=None)
        .alias(
            compared=Coalesce("gate_report__evaluation__baseline", BASE), replaced=Coalesce("previous__version", BASE)
        ),
        broken=~Q(compared=F("replaced")),
        says="Promotion {row.pk} replaced another version than gate report {row.gate_report_id} compared it with: "
        "evaluate version {row.version_id} again.",
    ),
    Invariant(
        "where two people are needed, what is live was promoted by another than who launched it",
        of=LIVE.filter(undoes=None, project__two_person_promotion=True),
        broken=Q(by=F("version__run__launched_by")),
        says="Promotion {row.pk}: person {row.by_id} launched version {row.version_id} and made it live in {row.slot}. "
        "Roll back and ask a second person.",
    ),
    Invariant(
        "a promotion follows the one before it in its slot, so that one version is live",
        of=Promotion.objects.all(),
        broken=Q(previous__gte=F("pk")) | ~Q(previous=None) & ~Q(previous__slot=F("slot")) | Q(Exists(_BETWEEN)),
        says="Promotion {row.pk} in {row.slot} follows promotion {row.previous_id}, which is not the one before it.",
    ),
    Invariant(
        "a rollback brings back what was live before what it undoes",
        of=Promotion.objects.exclude(undoes=None).alias(
            back=Coalesce("version", BASE), before=Coalesce("undoes__previous__version", BASE)
        ),
        broken=~Q(back=F("before")) | ~Q(undoes__slot=F("slot")) | Q(undoes__gte=F("pk")),
        says="Promotion {row.pk} undoes promotion {row.undoes_id} and brings back version {row.version_id}, which "
        "was not live before it.",
    ),
    Invariant(
        "a rollback has a reason",
        of=Promotion.objects.exclude(undoes=None),
        broken=Q(note=""),
        says="Promotion {row.pk} undoes promotion {row.undoes_id} without a reason.",
    ),
]
