"""What must hold of runs and of the versions that they leave behind."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db.models import Exists, F, Func, JSONField, OuterRef, Q, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from labelhub.errors import Refused
from labelhub.invariants import Invariant, differs, no_sha256
from training.lm.adapter_files import WEIGHTS
from training.lm.contract import ADAPTER_FILES
from training.runs import store
from training.runs.leases import MOST_SUPERVISORS
from training.runs.models import ModelVersion, RunMetric, TrainingRun

State = TrainingRun.State
LONGEST_SILENCE = timedelta(minutes=2)  # one whose process hangs is taken over after one
NOT_FINITE = [math.nan, math.inf, -math.inf]
_OTHER_FILES = Func(
    F("files"), Value(list(ADAPTER_FILES), ArrayField(TextField())), arg_joiner=" - ", template="(%(expressions)s)",
    output_field=JSONField(),
)  # fmt: skip
_LOST = Q(heartbeat_at=None) | Q(heartbeat_at__lt=TransactionNow() - LONGEST_SILENCE)


def ended_says_when(rows: Any, active: Sequence[str], what: str) -> Invariant:
    """For rows that a supervisor looks after."""
    return Invariant(
        f"{what} has an end exactly when it ended",
        of=rows,
        broken=Q(state__in=active, finished_at__isnull=False) | ~Q(state__in=active) & Q(finished_at=None),
        says=f"{rows.model.__name__} {{row.pk}} is {{row.state}} and finished_at is {{row.finished_at}}: something "
        "other than its supervisor wrote it.",
    )


def failed_says_why(rows: Any, what: str) -> Invariant:
    return Invariant(
        f"{what} that failed says why, and no other does",
        of=rows,
        broken=Q(state="failed", failure="") | ~Q(state="failed") & ~Q(failure=""),
        says=f"{rows.model.__name__} {{row.pk}} is {{row.state}} and its failure is {{row.failure!r:.80}}: look into "
        "the log in its folder.",
    )


def looked_after(rows: Any, what: str) -> Invariant:
    return Invariant(
        f"{what} under way is looked after by a supervisor",
        of=rows,
        broken=_LOST,
        says=f"{rows.model.__name__} {{row.pk}} is {{row.state}} without a heartbeat since {{row.heartbeat_at}}: start "
        "the training worker, it gives it a new supervisor.",
    )


def started_rarely(rows: Any, most: int, what: str) -> Invariant:
    return Invariant(
        f"{what} is started at most {most} times, and taken over at most {MOST_SUPERVISORS} times",
        of=rows,
        broken=Q(attempt__gt=most) | Q(fence__gt=MOST_SUPERVISORS + 1),
        says=f"{rows.model.__name__} {{row.pk}} was started {{row.attempt}} times under {{row.fence}} supervisors.",
    )


def _verifies(version: ModelVersion) -> str:
    try:
        store.verified(version)
    except (Refused, OSError) as error:
        return f"Version {version.number} of project {version.project_id}: {error} Restore the file, or roll back."
    return ""


INVARIANTS = [
    ended_says_when(TrainingRun.objects.all(), TrainingRun.ACTIVE, "a run"),
    failed_says_why(TrainingRun.objects.all(), "a run"),
    looked_after(TrainingRun.objects.supervised(), "a run"),
    started_rarely(TrainingRun.objects.all(), TrainingRun.MOST_ATTEMPTS, "a run"),
    Invariant(
        "a run succeeded exactly when it left a version",
        of=TrainingRun.objects.all(),
        broken=Q(state=State.SUCCEEDED, version=None) | ~Q(state=State.SUCCEEDED) & Q(version__isnull=False),
        says="Run {row.number} of project {row.project_id} is {row.state}, and whether it left a version says "
        "otherwise.",
    ),
    Invariant(
        "a run that succeeded took every step",
        of=TrainingRun.objects.filter(state=State.SUCCEEDED),
        broken=differs("step", F("max_steps")) | Q(max_steps=0),
        says="Run {row.number} of project {row.project_id} succeeded at step {row.step} of {row.max_steps}.",
    ),
    Invariant(
        "a project has one run under way",
        of=TrainingRun.objects.active(),
        broken=Q(Exists(TrainingRun.objects.active().filter(project=OuterRef("project"), pk__lt=OuterRef("pk")))),
        says="Run {row.number} of project {row.project_id} is {row.state} beside another: cancel one of the two.",
    ),
    Invariant(
        "a run goes on from a version that was there before it",
        of=TrainingRun.objects.exclude(parent=None),
        broken=Q(parent__created_at__gt=F("created_at")),
        says="Run {row.number} of project {row.project_id} goes on from version {row.parent_id}, which is younger.",
    ),
    Invariant(
        "a run's figures are numbers, of steps that it took",
        of=RunMetric.objects.all(),
        broken=Q(step__gt=F("run__max_steps")) | Q(loss__in=NOT_FINITE) | Q(grad_norm__in=NOT_FINITE),
        says="Metric {row.pk} of run {row.run_id}: step {row.step}, loss {row.loss}, gradient {row.grad_norm}. A run "
        "that saw such a figure should have failed.",
    ),
    Invariant(
        "a version names its weights by their sha256, and no file but an adapter's",
        of=ModelVersion.objects.alias(
            weights=Coalesce(KeyTextTransform(WEIGHTS, "files"), Value("", output_field=TextField())),
            others=_OTHER_FILES,
        ),
        broken=~Q(weights=F("adapter_sha256"))
        | ~Q(files__has_keys=list(ADAPTER_FILES))
        | ~Q(others={})
        | no_sha256("adapter_sha256")
        | no_sha256("manifest_sha256"),
        says="Version {row.number} of project {row.project_id} names the files {row.files}: roll back if it is live.",
    ),
    Invariant(
        "a version's files stand in the store as they were registered, safetensors only",
        of=ModelVersion.objects.all(),
        says=_verifies,
        slow=True,
    ),
]
