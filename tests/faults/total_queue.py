"""A total-queue checker, after Jepsen's: what people were told while things broke, against what is stored in the end.

It knows a history and rows, nothing of the site. An answer that never came may stand for either; where it cannot be
told who has a seat, nobody is blamed. So what it finds is a fault, whatever the order in which things happened.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

AGAIN_WITHIN_S = 5.0  # what is free is offered again


@dataclass(frozen=True)
class Act:
    """One question and its answer, by one clock.

    `op`: claim, draft, submit, skip (also: put off), or expire: the leases of `by` were ended from outside.
    `status`: ok, fail (refused: nothing happened) or info (no answer: it may or may not have happened).
    """

    began: float
    ended: float
    by: str
    op: str
    status: str
    queue: str = ""
    task: int = 0  # of a claim that is ok: 0 says that nothing is left
    fence: int = 0
    key: str = ""  # what the label of a submit can be told by


@dataclass(frozen=True)
class Stored:
    key: str
    task: int
    by: str


@dataclass(frozen=True)
class Stay:
    """Somebody has a seat of a task from one moment to another."""

    by: str
    began: float
    ended: float = inf


def verdict(history: Collection[Act], stored: Collection[Stored], overlap: Mapping[int, int]) -> dict[str, list[str]]:
    """Fault → where, empty when all is well. `overlap`: of every task, each of which was to be judged to the end."""
    acts = sorted(history, key=lambda act: act.ended)
    found = {
        "lost": _lost(acts, stored), "unexpected": _unexpected(acts, stored), "too many": _too_many(stored, overlap),
        "twice": _twice(stored), "stale": [*_stale_fences(acts), *_without_a_seat(acts, overlap)],
        "unreached": _unreached(stored, overlap), "dead end": list(_dead_ends(acts, stored, overlap)),
    }  # fmt: skip
    return {fault: where for fault, where in found.items() if where}


def _lost(acts: Sequence[Act], stored: Collection[Stored]) -> list[str]:
    there = {label.key for label in stored}
    return [f"{act.key} by {act.by}" for act in acts if _is_ok(act, "submit") and act.key not in there]


def _unexpected(acts: Sequence[Act], stored: Collection[Stored]) -> list[str]:
    """Labels that nobody gave, or that were refused, or that stand elsewhere."""
    sent = {(act.key, act.task, act.by) for act in acts if act.op == "submit" and act.status != "fail"}
    return [str(label) for label in stored if (label.key, label.task, label.by) not in sent]


def _too_many(stored: Collection[Stored], overlap: Mapping[int, int]) -> list[str]:
    labels = Counter(label.task for label in stored)
    return [f"task {task}: {n} of {overlap[task]}" for task, n in labels.items() if n > overlap[task]]


def _twice(stored: Collection[Stored]) -> list[str]:
    labels = Counter((label.task, label.by) for label in stored)
    return [f"task {task} by {by}: {n}" for (task, by), n in labels.items() if n > 1]


def _unreached(stored: Collection[Stored], overlap: Mapping[int, int]) -> list[str]:
    labels = Counter(label.task for label in stored)
    return [f"task {task}: {labels[task]} of {n}" for task, n in overlap.items() if labels[task] < n]


def _stale_fences(acts: Sequence[Act]) -> Iterator[str]:
    """Writes that were taken with the fence of a claim that the same person had taken anew by then."""
    claims: dict[tuple[str, int], list[Act]] = defaultdict(list)
    for act in acts:
        if _is_ok(act, "claim") and act.task:
            claims[act.by, act.task].append(act)
    for act in acts:
        if act.status == "ok" and act.op in {"draft", "submit", "skip"}:
            newest = max((one.fence for one in claims[act.by, act.task] if one.ended <= act.began), default=0)
            if act.fence < newest:
                yield f"{act.op} of task {act.task} by {act.by} with fence {act.fence}, not {newest}"


def _without_a_seat(acts: Sequence[Act], overlap: Mapping[int, int]) -> Iterator[str]:
    """Submits that were taken while others had every seat of the task for certain."""
    seats = _certain_stays(acts)
    for act in acts:
        if _is_ok(act, "submit"):
            others = {s.by for s in seats[act.task] if s.by != act.by and s.began <= act.began and act.ended <= s.ended}
            if len(others) >= overlap[act.task]:
                yield f"submit of task {act.task} by {act.by}: {', '.join(sorted(others))} had it"


def _certain_stays(acts: Sequence[Act]) -> Mapping[int, list[Stay]]:
    """Of each task: from the answer to a claim until anything may have ended it; from that to a submit for ever."""
    stays: dict[int, list[Stay]] = defaultdict(list)
    for own in _by_person(acts).values():
        held: Act | None = None
        for act in sorted(own, key=lambda act: act.ended if act.op == "expire" else act.began):
            if held and (act.op in {"submit", "skip", "expire"} or (act.op == "claim" and act.queue == held.queue)):
                stays[held.task].append(Stay(act.by, held.ended, act.began))
                held = None
            if _is_ok(act, "claim") and act.task:
                held = act
            if _is_ok(act, "submit"):
                stays[act.task].append(Stay(act.by, act.ended))
        if held:
            stays[held.task].append(Stay(held.by, held.ended))
    return stays


def _dead_ends(acts: Sequence[Act], stored: Collection[Stored], overlap: Mapping[int, int]) -> Iterator[str]:
    """People who were told for longer than AGAIN_WITHIN_S that nothing was left, with a seat free for them all along."""
    tried = [(by, queue, hungry) for (by, queue), own in _by_person_and_queue(acts).items() for hungry in _hungry(own)]
    if not tried:
        return
    stays, unsure, done_with = _possible_stays(acts, stored), _unsure(acts), _done_with(acts, stored)
    open_until = _open_until({act.task: act.queue for act in acts if act.task}, stays, overlap)
    for by, queue, (since, until) in tried:
        lost_track = {stay.by for stay in unsure[queue] if _meets(stay, since, until)}
        for _, task in open_until[queue][bisect_right(open_until[queue], (since, 0)) :]:
            if done_with.get((by, task), inf) <= until:
                continue
            others = {stay.by for stay in stays[task] if _meets(stay, since, until)} | lost_track
            if len(others - {by}) < overlap[task]:
                yield f"{by} was offered nothing for {until - since:.1f} s; task {task} was free"


def _open_until(
    queues: Mapping[int, str], stays: Mapping[int, list[Stay]], overlap: Mapping[int, int]
) -> Mapping[str, list[tuple[float, int]]]:
    """Of each queue: when the last seat of each task was taken for good, in that order."""
    full: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for task, queue in queues.items():
        last_first = sorted((stay for stay in stays[task] if stay.ended == inf), key=lambda stay: -stay.began)
        for_good = sorted({stay.by: stay.began for stay in last_first}.values())
        full[queue].append((for_good[overlap[task] - 1] if len(for_good) >= overlap[task] else inf, task))
    return {queue: sorted(tasks) for queue, tasks in full.items()}


def _hungry(own: Sequence[Act]) -> Iterator[tuple[float, float]]:
    """Stretches of AGAIN_WITHIN_S or a little more, at both ends of which and in between nothing was left."""
    asked: list[float] = []
    for act in own:
        if act.op == "claim" and act.status == "ok" and not act.task:
            asked.append(act.began)
            first = bisect_right(asked, act.began - AGAIN_WITHIN_S) - 1
            if first >= 0:
                yield asked[first], act.ended
        elif act.op in {"claim", "submit", "skip"}:
            asked.clear()


def _possible_stays(acts: Sequence[Act], stored: Collection[Stored]) -> Mapping[int, list[Stay]]:
    """Of each task: from when a seat may have been taken until it was given up for certain."""
    stays: dict[int, list[Stay]] = defaultdict(list)
    kept = {(label.by, label.task) for label in stored}
    for own in _by_person(acts).values():
        held: dict[str, Act] = {}  # by queue: what last kept the lease up
        since: dict[str, float] = {}
        for act in own:
            for queue in list(held) if act.op == "expire" else {act.queue} & held.keys():
                if _ends(held[queue], act):
                    last = held.pop(queue)
                    stays[last.task].append(Stay(act.by, since.pop(queue), act.ended))
            if act.task and act.op in {"claim", "draft"} and act.status != "fail":
                held[act.queue] = act
                since.setdefault(act.queue, act.began)
            if act.op == "submit" and (act.by, act.task) in kept:
                stays[act.task].append(Stay(act.by, act.began))
        for queue, last in held.items():
            stays[last.task].append(Stay(last.by, since[queue]))
    return stays


def _ends(held: Act, act: Act) -> bool:
    """Whether `act` says for certain that its author's lease of what was `held` is over."""
    if act.op == "expire":
        return held.ended < act.began
    elsewhere = act.op == "claim" and act.task != held.task
    return act.status == "ok" and (act.op == "skip" or elsewhere)


def _unsure(acts: Sequence[Act]) -> Mapping[str, list[Stay]]:
    """Of each queue: people who may hold any task of it, as the answer to their claim never came."""
    stays: dict[str, list[Stay]] = defaultdict(list)
    for own in _by_person(acts).values():
        since: dict[str, float] = {}
        for act in own:
            for queue in list(since) if act.op == "expire" else [act.queue]:
                if queue in since and act.op in {"claim", "expire"} and act.status == "ok":
                    stays[queue].append(Stay(act.by, since.pop(queue), act.ended))
            if act.op == "claim" and act.status == "info":
                since.setdefault(act.queue, act.began)
        for queue, began in since.items():
            stays[queue].append(Stay(own[0].by, began))
    return stays


def _done_with(acts: Sequence[Act], stored: Collection[Stored]) -> Mapping[tuple[str, int], float]:
    """Person and task → from when on they may not be offered it: they judged it, or wanted it no more."""
    kept, since = {(label.by, label.task) for label in stored}, {}
    for act in acts:
        judged = act.op == "submit" and (act.by, act.task) in kept
        if judged or (act.op == "skip" and act.status != "fail"):
            since.setdefault((act.by, act.task), act.began)
    return since


def _meets(stay: Stay, since: float, until: float) -> bool:
    return stay.began <= until and since <= stay.ended


def _is_ok(act: Act, op: str) -> bool:
    return act.op == op and act.status == "ok"


def _by_person(acts: Sequence[Act]) -> Mapping[str, list[Act]]:
    own: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        own[act.by].append(act)
    return own


def _by_person_and_queue(acts: Sequence[Act]) -> Mapping[tuple[str, str], list[Act]]:
    own: dict[tuple[str, str], list[Act]] = defaultdict(list)
    for act in acts:
        own[act.by, act.queue].append(act)
    return own
