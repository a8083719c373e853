"""Which single key does what, and what a person has put in its place. Knows no tables.

A key acts where its button is: two acts may share one as long as no page has both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

EVERYWHERE = "everywhere"
DESK, PAIR, HISTORY, LIST, APPROVALS, TRIAGE = "desk", "pair", "my labels", "list", "approvals", "triage"
DISPUTE = "disagreement"


@dataclass(frozen=True)
class Key:
    """`caps`: the keys it has by default, the first one shown; `areas`: the pages that it acts on."""

    name: str
    says: str
    caps: tuple[str, ...]
    areas: tuple[str, ...]


KEYS = [
    Key("good", "Good as it is", ("A",), (DESK, LIST)),
    Key("first", "A is better", ("A",), (PAIR,)),
    Key("second", "B is better", ("B",), (PAIR,)),
    Key("equal", "Both are alike", ("E",), (PAIR,)),
    Key("neither", "Neither is good", ("N",), (PAIR,)),
    Key("skip", "Skip", ("S",), (DESK, PAIR)),
    Key("snooze", "Not now", ("W",), (DESK, PAIR)),
    Key("flag", "Flag to a moderator", ("F",), (DESK,)),
    Key("comment", "Comment on the selection", ("C",), (DESK,)),
    Key("caret", "Move through the output with the keyboard", ("H",), (DESK,)),
    Key("rewrite", "Better answer", ("E",), (DESK, DISPUTE)),
    Key("replace", "Put the suggested words in", ("I",), (DESK,)),
    Key("preview", "Show the output formatted", ("M",), (DESK,)),
    Key("similar", "Similar cases", ("V",), (DESK,)),
    Key("more", "Confidence and note", ("N",), (DESK,)),
    Key("guidelines", "Guidelines", ("G",), (DESK, PAIR)),
    Key("worse", "Last category: worse", ("+",), (DESK,)),
    Key("less-bad", "Last category: less bad", ("-",), (DESK,)),
    Key("nothing-wrong", "Nothing wrong", ("0",), (DESK,)),
    *(Key(f"category-{n}", f"Category {n}", (str(n),), (DESK, PAIR, LIST)) for n in range(1, 10)),
    Key("take", "Take what is suggested", ("Y",), (DESK,)),
    Key("pick", "Choose, with Shift all from the last one", ("X",), (LIST, TRIAGE, APPROVALS)),
    Key("assign", "Give to somebody", ("G",), (LIST,)),
    Key("approve", "Approve", ("A",), (APPROVALS,)),
    Key("send-back", "Send back", ("B",), (APPROVALS,)),
    Key("approve-all", "Approve what is chosen", ("Y",), (APPROVALS,)),
    Key("settle", "Write another answer, or choose among several", ("E",), (APPROVALS,)),
    *(Key(f"answer-{n}", f"Answer {n}", (str(n),), (DISPUTE,)) for n in range(1, 10)),
    Key("own-answer", "None of these: write it", ("0",), (DISPUTE,)),
    Key("reason", "Why", ("W",), (DISPUTE,)),
    Key("route", "Send to experts", ("Q",), (TRIAGE,)),
    Key("dismiss", "Dismiss", ("D",), (TRIAGE,)),
    Key("mine", "Take it yourself, or give it back", ("M",), (TRIAGE,)),
    Key("correction", "Take the end user's better answer", ("R",), (TRIAGE,)),
    Key("make-guidance", "Make guidance of it", ("I",), (TRIAGE,)),
    Key("merge", "Put sessions together", ("B",), (TRIAGE,)),
    Key("issue", "The product's fault", ("P",), (TRIAGE,)),
    Key("escalate", "Ask an admin", ("L",), (TRIAGE,)),
    Key("next", "Next", ("J",), (APPROVALS, TRIAGE, LIST, HISTORY, DISPUTE)),
    Key("previous", "Previous", ("K",), (APPROVALS, TRIAGE, LIST, HISTORY, DISPUTE)),
    Key("history", "What you judged last", ("K",), (DESK, PAIR)),
    Key("desk", "Back to what you are judging", ("D",), (HISTORY,)),
    Key("turns", "What came before", ("T",), (DESK, PAIR, APPROVALS, TRIAGE, DISPUTE)),
    Key("undo", "Undo", ("Z", "U"), (EVERYWHERE,)),
    Key("keys", "This list of keys", ("?",), (EVERYWHERE,)),
]
BY_NAME = {key.name: key for key in KEYS}


def caps_of(name: str, key_map: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that do `name` for somebody with this `User.key_map`; none for a name that there is not."""
    key, chosen = BY_NAME.get(name), _chosen(key_map).get(name)
    if key is None:
        return ()
    return (str(chosen),) if chosen else key.caps


def changed(wanted: Mapping[str, str]) -> dict[str, str]:
    """Of {name: key}, in capitals, those that differ from what a key is by default."""
    caps = {name: cap.strip().upper() for name, cap in wanted.items() if name in BY_NAME}
    return {name: cap for name, cap in caps.items() if cap and cap != BY_NAME[name].caps[0]}


def refusals(chosen: Mapping[str, str]) -> dict[str, str]:
    """Name to why its key cannot be: no single character, or taken on a page that both act on."""
    found = {name: "One character that you can type, no space." for name, cap in chosen.items() if not _is_key(cap)}
    for one, other in combinations(KEYS, 2):
        shared = set(caps_of(one.name, {"keys": chosen})) & set(caps_of(other.name, {"keys": chosen}))
        if shared and _meet(one, other):
            mine, theirs = (one, other) if one.name in chosen else (other, one)
            found.setdefault(mine.name, f"“{theirs.says}” has this key.")
    return found


def _is_key(cap: str) -> bool:
    return len(cap) == 1 and cap.isprintable() and not cap.isspace()


def _meet(one: Key, other: Key) -> bool:
    return EVERYWHERE in one.areas + other.areas or bool(set(one.areas) & set(other.areas))


def _chosen(key_map: Mapping[str, Any]) -> Mapping[str, Any]:
    chosen = key_map.get("keys")
    return chosen if isinstance(chosen, Mapping) else {}
