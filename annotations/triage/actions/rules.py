"""Changing a project's rules. What they flagged before stays flagged."""

import math
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from annotations.triage.models import Rule
from annotations.triage.rules import CHECKS
from labelhub.errors import Conflict, Invalid, StaleState, ensure
from labelhub.people.models import User
from labelhub.projects.actions import ensure_right
from labelhub.projects.models import Project
from labelhub.projects.rights import Right

MOST_WORDS, LONGEST = 2_000, 100  # words of a list; characters of one
NAMED = 60


@dataclass(frozen=True)
class Settings:
    """What somebody may change of a rule. `threshold` None: as the kind begins. share: 0 to 1."""

    active: bool
    severity: int
    share: float
    threshold: float | None = None
    words: str = ""


def put(settings: Settings, rule: Rule) -> Rule:
    """`rule` with `settings`, not saved. Raises Invalid."""
    check = CHECKS[rule.kind]
    least, most = check.bounds
    ensure(settings.severity in {1, 2, 3}, Invalid("severity must be 1, 2 or 3.", field="severity"))
    ensure(0 <= settings.share <= 1, Invalid("share must lie between 0 and 1.", field="share"))
    if check.threshold is not None:
        threshold = check.threshold if settings.threshold is None else settings.threshold
        fits = math.isfinite(threshold) and least <= threshold <= most
        ensure(fits, Invalid(f"threshold must lie between {least:g} and {most:g}.", field="threshold"))
        rule.threshold = threshold
    if rule.kind == Rule.Kind.WORDS:
        rule.words = "\n".join(_words(settings.words))
        ensure(rule.words or not settings.active, Invalid("Write at least one word.", field="words"))
    rule.active, rule.severity, rule.share = settings.active, settings.severity, settings.share
    return rule


@transaction.atomic
def change_rule(rule: Rule, settings: Settings, *, after: int, by: User) -> Rule:
    """The next version of a rule. Raises NotAllowed, Invalid, StaleState when somebody changed version `after`."""
    ensure_right(by, rule.project, Right.CURATE)
    rule = Rule.objects.select_for_update(of=("self",)).select_related("project").get(pk=rule.pk)
    ensure(rule.version == after, StaleState("Somebody changed this rule meanwhile: reload and look again."))
    put(settings, rule).version += 1
    rule.save()
    return rule


def add_word_list(project: Project, name: str, *, by: User) -> Rule:
    """A list of words that is empty and flags nothing yet. Raises NotAllowed, Invalid, Conflict for a name in use."""
    ensure_right(by, project, Right.CURATE)
    name = " ".join(name.split())
    ensure(name, Invalid("Say what the words are about: safety, prices, competitors …", field="name"))
    ensure(len(name) <= NAMED, Invalid(f"name must be text of at most {NAMED} characters.", field="name"))
    try:
        with transaction.atomic():
            severity = CHECKS[Rule.Kind.WORDS].severity
            return Rule.objects.create(
                project=project, kind=Rule.Kind.WORDS, name=name, severity=severity, active=False
            )
    except IntegrityError as error:
        raise Conflict(f"There is a list called {name} already.") from error


def _words(text: str) -> list[str]:
    words = list(dict.fromkeys(" ".join(line.split()) for line in text.splitlines() if line.strip()))
    ensure(len(words) <= MOST_WORDS, Invalid(f"A list has at most {MOST_WORDS:,} words.", field="words"))
    long = next((word for word in words if len(word) > LONGEST), None)
    ensure(long is None, Invalid(f"A word has at most {LONGEST} characters: {long!r:.40}…", field="words"))
    return words
