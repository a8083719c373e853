"""The real inference server on a free port, for tests that ask a model by URL."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings


@contextmanager
def running_server(adapters: Path | None = None) -> Iterator[str]:
    """Starts `python -m training.lm serve` with the configured base model and encoder; gives its /v1 address."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [
            sys.executable, "-m", "training.lm", "serve", "--base", settings.LABELHUB_BASE_MODEL,
            "--encoder", settings.LABELHUB_ENCODER, "--host", "127.0.0.1", "--port", "0",
            "--port-file", str(port_file), "--adapters", str(adapters or folder),
        ]  # fmt: skip
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env={**os.environ, "OMP_NUM_THREADS": "1"})
        try:
            for _ in range(1800):
                if port_file.exists() or process.poll() is not None:
                    break
                time.sleep(0.1)
            assert process.poll() is None, "the inference server ended at once"
            yield f"http://127.0.0.1:{port_file.read_text().strip()}/v1"
        finally:
            process.terminate()
            process.wait(10)
