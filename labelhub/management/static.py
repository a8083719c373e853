"""Hashed copies of the static files, made again when a source is newer."""

import fcntl
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

# Extensions that django-htmx ships and nobody here loads. Type comments in two of them look like imports of a file
# that does not exist, which the hashing storage refuses.
UNUSED = ["htma*", "*-4.js", "*-4.min.js", "hx-sse-2*", "hx-ws-2*"]


def collect_if_needed() -> None:
    """Safe when several sites of one checkout start at once; afterwards this process knows the names, too."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    with (settings.STATIC_ROOT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = settings.STATIC_ROOT / "staticfiles.json"
        if not manifest.exists() or _newest_source() > manifest.stat().st_mtime:
            call_command("collectstatic", interactive=False, ignore_patterns=UNUSED, verbosity=0)
            manifest.touch()
    # The storage reads its manifest once. A process that asked for a page before another one collected knows no name.
    names: Any = staticfiles_storage
    names.hashed_files, names.manifest_hash = names.load_manifest()


def _newest_source() -> float:
    """When the last of the source files was changed, in seconds since the epoch."""
    times = (
        storage.get_modified_time(path).timestamp()
        for finder in get_finders()
        for path, storage in finder.list(ignore_patterns=[])
    )
    return max(times, default=0.0)
