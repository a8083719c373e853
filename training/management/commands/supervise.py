"""`manage.py supervise ID`: look after one run (or evaluation) to its end. Started by the training cluster."""

import logging
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from training.evaluation.models import Evaluation
from training.evaluation.supervisor import supervise_evaluation
from training.runs.leases import LostLease, take, unattended
from training.runs.models import TrainingRun
from training.runs.supervisor import supervise_run

logger = logging.getLogger(__name__)
WORK: dict[str, tuple[Callable[[Any], None], Callable[[], Any]]] = {
    "run": (supervise_run, TrainingRun.objects.supervised),
    "evaluation": (supervise_evaluation, Evaluation.objects.running),
}


class Command(BaseCommand):
    help = "Look after one training run, or one evaluation, to its end."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int)
        parser.add_argument("--kind", choices=[*WORK], default="run")
        parser.add_argument("--fence", type=int, help="Under which it was taken. Without: take it if nobody has it.")

    def handle(self, *args: Any, **options: Any) -> None:
        supervise, rows = WORK[options["kind"]]
        row = rows().filter(pk=options["id"]).first()
        if row is None:
            raise CommandError(f"There is no such {options['kind']} under way.")
        if options["fence"] is None and not (unattended(rows().filter(pk=row.pk)).exists() and take(row)):
            raise CommandError("Somebody looks after it already.")
        if options["fence"] not in (None, row.fence):
            return
        try:
            supervise(row)
        except LostLease as lost:
            logger.warning("%s", lost)
