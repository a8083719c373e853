"""What is looked at before a launch: each check says what it found, and whether it stands in the way."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from annotations.review.models import Approval
from labelhub import jobs
from labelhub.errors import Refused, Unavailable, ensure
from labelhub.jobs.models import Cluster
from labelhub.projects.models import Project
from training.datasets.base_model import base_folder, base_sha256
from training.evaluation.models import Case
from training.registry.gate import Limits
from training.registry.live import live_version, name_of
from training.runs.bases import ensure_on_base
from training.runs.models import TrainingRun

SILENT_S = 45  # the canary sings every 15 seconds
LEAST_FREE = 1 << 30  # bytes


@dataclass(frozen=True)
class Check:
    """`level`: ok, warn (launching makes little sense) or block (it would fail)."""

    name: str
    level: str
    found: str


def preflight(project: Project) -> list[Check]:
    here = [_worker(), _base(), _active(project), _disk()]
    return [*here, _corrections(project), _held_out(project), _live(project)]


def ensure_nothing_blocks() -> None:
    """What the launch itself does not look at anyway. Raises Unavailable, with everything that stands in the way."""
    blocking = [check for check in (_worker(), _disk()) if check.level == "block"]
    found = " ".join(f"{check.name}: {check.found}" for check in blocking)
    ensure(not blocking, Unavailable(f"Nothing was launched. {found}"))


def blocked(checks: list[Check]) -> bool:
    return any(check.level == "block" for check in checks)


def _worker() -> Check:
    silence = jobs.worker_alive(Cluster.TRAINING)
    if silence is None or silence > SILENT_S:
        return Check("Training worker", "block", "The training worker is down: start it with `manage.py up`.")
    return Check("Training worker", "ok", f"alive, {silence:.0f} s ago")


def _base() -> Check:
    try:
        return Check("Base model", "ok", f"{base_folder().name}, sha256 {base_sha256()[:12]}…")
    except Refused as refusal:
        return Check("Base model", "block", refusal.detail)


def _active(project: Project) -> Check:
    run = TrainingRun.objects.of(project).active().first()
    return Check("Other runs", "block", f"{run} is under way") if run else Check("Other runs", "ok", "none active")


def _disk() -> Check:
    folder = Path(settings.DATA_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free > LEAST_FREE:
        return Check("Disk", "ok", f"{free / 2**30:.1f} GiB free")
    return Check("Disk", "block", f"{free / 2**30:.1f} GiB free, a run needs {LEAST_FREE / 2**30:.0f}: make room.")


def _corrections(project: Project) -> Check:
    n = Approval.objects.filter(project=project).current().corrections().count()
    return Check("Approved corrections", "ok" if n else "warn", str(n))


def _held_out(project: Project) -> Check:
    n, least = Case.objects.of(project).held_out().asked().count(), Limits().held_out_cases
    found = f"{n}" if n >= least else f"{n}: the gate asks for {least}, so nothing could be promoted"
    return Check("Held-out cases", "ok" if n >= least else "warn", found)


def _live(project: Project) -> Check:
    live = live_version(project)
    try:
        ensure_on_base(live)
    except Refused as refusal:
        return Check("Live version", "warn", f"Nothing could be compared with it. {refusal.detail}")
    return Check("Live version", "ok", name_of(live))
