"""The base model that everything here is trained on: its folder and its identity. Loads nothing of it."""

import os
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from labelhub.errors import Unavailable, ensure
from training.lm.base_folder import WEIGHTS, check_tokenizer, named_folder
from training.lm.files import Refused, sha256_file


def base_folder() -> Path:
    """Raises Unavailable, with what to set, when the configured model is not on this machine."""
    named = settings.LABELHUB_BASE_MODEL
    try:
        folder = named_folder(named, os.environ)
        check_tokenizer(folder)
    except Refused as error:
        raise Unavailable(f"The base model {named!r} cannot be used: {error}. Check LABELHUB_BASE_MODEL.") from error
    ensure((folder / WEIGHTS).is_file(), Unavailable(f"The base model {named!r} has no {WEIGHTS}."))
    return folder


def base_sha256() -> str:
    """Of the base's weights; read again only when the file changes."""
    weights = base_folder() / WEIGHTS
    facts = weights.stat()
    return _sha256(str(weights), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=4)
def _sha256(path: str, size: int, changed: int) -> str:
    return sha256_file(Path(path))
