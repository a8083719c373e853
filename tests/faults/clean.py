"""The end of every fault test: the doctor finds nothing, or nothing that a factory's short cut had not left before."""

from django.test import override_settings

from tests.stack import Stack
from training.loop.doctor import examine

# What rows of factories breach: they are made without what leads to them in the product.
SHORT_CUTS = {
    "a run has an end exactly when it ended",
    "a run that succeeded took every step",
    "a regression case comes from an approval",
    "a version's weights lead back to its rows, labels and people, each hashed again",
}


def check_clean(site: Stack) -> None:
    """The doctor on the site's database and files; the site may still be at work."""
    with override_settings(DATA_DIR=site.folder), site.database():
        assert breached() == {}


def breached() -> dict[str, tuple[str, ...]]:
    """Invariant → its first breaches in this process's database. Rows of factories breach some of themselves."""
    return {finding.name: finding.first for _, finding in examine() if finding.breaches}


def check_nothing_new(known: dict[str, tuple[str, ...]]) -> None:
    """No invariant is breached but those that were `known` to be before anything was killed, and of these only few."""
    assert set(known) <= SHORT_CUTS
    assert {name: first for name, first in breached().items() if name not in known} == {}
