"""Adapters by the sha256 of their weights: a folder is written once, whole, read-only, and checked at every use."""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from labelhub.errors import Conflict, ensure
from training.lm.adapter_files import WEIGHTS, read_adapter
from training.lm.contract import ADAPTER_FILES
from training.lm.files import Refused, sha256_file
from training.runs.models import ModelVersion


def root() -> Path:
    return Path(settings.DATA_DIR) / "adapters"


def folder_of(adapter_sha256: str) -> Path:
    return root() / adapter_sha256


def hashes(source: Path) -> dict[str, str]:
    """{file name: sha256} of an adapter's folder."""
    return {name: sha256_file(source / name) for name in ADAPTER_FILES}


def put(source: Path) -> dict[str, str]:
    """Copy an adapter into the store and return its hashes; one that is there already is only checked.

    Raises Conflict when `source` is no adapter, or when other files stand in its place.
    """
    files = hashes(source)
    place = folder_of(files[WEIGHTS])
    if not place.exists():
        _copy(source, place, files)
    check(place, files)
    return files


def _copy(source: Path, place: Path, files: Mapping[str, str]) -> None:
    """Readers see the whole folder or none: it is made aside, checked, and renamed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    aside.mkdir()
    try:
        for name in files:
            shutil.copyfile(source / name, aside / name)
            with (aside / name).open("rb") as copied:
                os.fsync(copied.fileno())
            (aside / name).chmod(0o444)
        check(aside, files)
        os.rename(aside, place)
    except OSError:
        if not place.exists():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check(place: Path, files: Mapping[str, str]) -> None:
    """Raises Conflict, naming what is wrong, unless the folder holds exactly those files."""
    try:
        read_adapter(place, files)
    except Refused as error:
        raise Conflict(f"The stored adapter cannot be used: {error}.") from error


def verified(version: ModelVersion) -> Path:
    """The folder of a version after all its files were hashed again. Raises Conflict."""
    ensure(
        version.files.get(WEIGHTS) == version.adapter_sha256,
        Conflict(f"{version} does not name the weights that it was registered with."),
    )
    check(folder_of(version.adapter_sha256), version.files)
    return folder_of(version.adapter_sha256)
