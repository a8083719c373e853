"""The list of the board: its rows, how many each tab has, and a mark of how it looks."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from annotations.review.views.shown import Sign
from annotations.triage.board import OPEN_TABS, TABS, counts, on_board, worst_flags
from annotations.triage.models import Flag
from labelhub.people.models import User
from labelhub.projects.models import Project

PAGE, CHIPS = 50, 3
LATE = timedelta(hours=1)  # what is due sooner stands out


def listed(project: Project, tab: str, user: User) -> dict[str, Any]:
    """The list as it looks, and a short mark of how it looks."""
    sessions = list(on_board(project, tab, user)[:PAGE])
    flags = worst_flags(sessions, CHIPS, None if tab in OPEN_TABS else Flag.objects.all())
    found, now = counts(project, user), timezone.now()
    shown = [row(session, flags[session.pk], now) for session in sessions]
    looks = [found, *((s.pk, s.flag_count, s.newest_flag_at) for s in sessions)]  # type: ignore[attr-defined]
    looks += [(one["due"], str(one["taken"])) for one in shown]
    return {
        "rows": shown, "order": [session.pk for session in sessions], "total": found.get(tab, len(sessions)),
        "seen": hashlib.sha256(repr(looks).encode()).hexdigest()[:16], "counts": found, "tab": tab,
        "tab_name": TABS[tab], "closed": tab not in OPEN_TABS, "at_tab": f"?tab={tab}" if tab != "open" else "",
    }  # fmt: skip


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
