"""The end of every fault test: the doctor finds nothing, or nothing that a factory's short cut had not left before."""

from django.test import override_settings

from tests.stack import Stack
from training.loop.doctor import examine


def check_clean(site: Stack) -> None:
    """The doctor on the site's database and files; the site may still be at work."""
    with override_settings(DATA_DIR=site.folder), site.database():
        assert breached() == {}


def breached() -> dict[str, tuple[str, ...]]:
    """Invariant → its first breaches in this process's database. Rows of factories breach some of themselves."""
    return {finding.name: finding.first for _, finding in examine() if finding.breaches}


def check_nothing_new(known: dict[str, tuple[str, ...]]) -> None:
    """No invariant is breached but those that were `known` to be before anything was killed."""
    assert {name: first for name, first in breached().items() if name not in known} == {}
