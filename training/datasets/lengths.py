"""How long rows are in the base model's own tokens. The kernel counts, in a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from labelhub.errors import Unavailable, ensure
from training.lm.contract import read_status
from training.lm.files import read_lines
from training.lm.rows import Row
from training.lm.specs import write_count

LONGEST_S = 120


def count_tokens(rows: Sequence[Row], *, base_model: Path, max_length: int) -> dict[str, int]:
    """Row id → tokens, prompt and answer together. Raises Unavailable when the kernel cannot count."""
    if not rows:
        return {}
    with tempfile.TemporaryDirectory(prefix="labelhub-count-") as name:
        folder = Path(name)
        write_count(folder, base_model=str(base_model), max_length=max_length, rows=rows)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "training.lm", "count", str(folder), "--with-parent"],
                cwd=settings.BASE_DIR, env=kernel_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                timeout=LONGEST_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Unavailable("Counting the tokens took too long.") from error
        status = read_status(folder)
        why = status.reason if status else done.stderr.decode(errors="replace")[-300:]
        ensure(done.returncode == 0, Unavailable(f"The tokens could not be counted: {why}"))
        return {line["id"]: line["total"] for line in read_lines(folder / "counts.jsonl")}


def kernel_environment() -> dict[str, str]:
    """What the kernel gets to see: how to find Python and its libraries, no secret and no address."""
    passed = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
    kept = {name: os.environ[name] for name in passed if name in os.environ}
    return {**kept, "PYTHONPATH": str(settings.BASE_DIR), "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
