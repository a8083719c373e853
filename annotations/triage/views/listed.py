"""The list of the board: its rows, how many each tab has, and a mark of how it looks."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.http import urlencode

from annotations.capture.models import Session
from annotations.review.views.shown import Sign
from annotations.triage.board import OPEN_TABS, TABS, below, counts, in_view, is_mark, mark, on_board, worst_flags
from annotations.triage.models import Flag, SavedView
from labelhub.people.models import User
from labelhub.projects.models import Project

PAGE, CHIPS = 50, 3
LATE = timedelta(hours=1)  # what is due sooner stands out


@dataclass(frozen=True)
class Tab:
    """One of TABS, or a person's own."""

    name: str
    words: str
    view: SavedView | None = None
    below: str = ""  # the mark of the session that a page begins below

    @property
    def is_closed(self) -> bool:
        """What stands here is decided on."""
        return not self.view and self.name not in OPEN_TABS

    @property
    def address(self) -> str:
        """What an address of the board ends in."""
        named = {"tab": self.name} if self.name != "open" else {}
        given = named | ({"below": self.below} if self.below else {})
        return f"?{urlencode(given)}" if given else ""

    def sessions(self, project: Project, user: User) -> QuerySet[Session]:
        """All of them."""
        return in_view(self.view) if self.view else on_board(project, self.name, user)

    def page(self, project: Project, user: User) -> tuple[list[Session], bool]:
        """The sessions of a page, and whether more stand below them."""
        rows = list(below(self.sessions(project, user), self.below, newest=self.is_closed)[: PAGE + 1])
        return rows[:PAGE], len(rows) > PAGE


def own_tabs(project: Project, user: User) -> list[Tab]:
    views = SavedView.objects.filter(project=project, by=user).select_related("project", "rule")
    return [Tab(f"view-{view.pk}", view.name, view) for view in views]


def tab_named(name: str, project: Project, user: User, below: str = "") -> Tab:
    """What there is not is the first one; a page that there is not begins at the top."""
    own = own_tabs(project, user) if name.startswith("view-") else []
    known = {tab.name: tab for tab in own} | {name: Tab(name, words) for name, words in TABS.items()}
    return replace(known.get(name, known["open"]), below=below if is_mark(below) else "")


def listed(project: Project, tab: Tab, user: User) -> dict[str, Any]:
    """The list as it looks, and a short mark of how it looks."""
    sessions, more = tab.page(project, user)
    flags = worst_flags(sessions, CHIPS, Flag.objects.all() if tab.is_closed else None)
    found, now = counts(project, user), timezone.now()
    if tab.view:
        found[tab.name] = tab.sessions(project, user).count()
    shown = [row(session, flags[session.pk], now) for session in sessions]
    looks = [found, *((s.pk, s.flag_count, s.newest_flag_at) for s in sessions)]  # type: ignore[attr-defined]
    looks += [(one["due"], str(one["taken"])) for one in shown]
    return {
        "rows": shown, "order": [session.pk for session in sessions], "total": found.get(tab.name, len(sessions)),
        "seen": hashlib.sha256(repr(looks).encode()).hexdigest()[:16], "counts": found, "tab": tab.name,
        "tab_name": tab.words, "view": tab.view, "closed": tab.is_closed, "at_tab": tab.address, "below": tab.below,
        "top": replace(tab, below="").address,
        "further": replace(tab, below=mark(sessions[-1])).address if more else "",
    }  # fmt: skip


def tabs(project: Project, user: User, numbers: dict[str, int]) -> list[tuple[str, str, int | None]]:
    """(name, words, how many) of each; `numbers` are those that are known."""
    own = [(tab.name, tab.words, tab.sessions(project, user).count()) for tab in own_tabs(project, user)]
    return [*((name, words, numbers.get(name)) for name, words in TABS.items()), *own]


def row(session: Any, flags: list[Flag], now: datetime) -> dict[str, Any]:
    """`session` as `on_board` annotates it, with its worst flags."""
    taken = getattr(session, "take", None)
    return {
        "session": session, "prompt": flags[0].interaction.prompt if flags else "",
        "flags": [Sign(flag.evidence, flag_tone(flag)) for flag in flags],
        "more": session.flag_count - len(flags), "urgency": session.worst if session.defect_count else 0,
        "due": due_words(session.due_at, now), "late": session.due_at and session.due_at < now + LATE,
        "taken": taken.by if taken else "",
    }  # fmt: skip


def due_words(at: datetime | None, now: datetime) -> str:
    """In how long, in one unit: “due 38 min”, “overdue 3 h”; '' for what is never due."""
    if at is None:
        return ""
    minutes = abs(at - now).total_seconds() / 60
    size = f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.0f} h" if minutes < 48 * 60 else (
        f"{minutes / 60 / 24:.0f} days"
    )  # fmt: skip
    return f"due {size}" if at > now else f"overdue {size}"


def flag_tone(flag: Flag) -> str:
    if flag.kind == Flag.Kind.EXEMPLAR:
        return "good"
    return "bad" if flag.severity > 1 else "warn"
