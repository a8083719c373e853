"""A queue against a model of it: whoever claims, lets a lease run out, submits late, leaves or decides, in any order.

The model below says in plain Python what each act must answer and leave behind; Postgres must agree after every step.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count as numbers
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from annotations.review.actions import claims
from annotations.review.actions.approvals import approve, send_back
from annotations.review.actions.labels import submit, withdraw
from annotations.review.actions.queues import update_queue
from annotations.review.invariants import FOUR_EYES, SEATS
from annotations.review.models import Claim, Label, Queue, ReviewTask
from labelhub.errors import Conflict, Invalid, NotAllowed, NotFound, StaleState
from labelhub.invariants import look
from labelhub.people.models import User
from labelhub.projects.models import Membership
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_member, make_project, make_queue, make_task

REFUSALS = (Conflict, Invalid, NotAllowed, NotFound, StaleState)
PEOPLE, TASKS = 4, 4
ONE, OF_THEM = st.integers(0, PEOPLE - 1), st.integers(0, TASKS - 1)
PAYLOADS = {
    "good": {"verdict": "good"},
    "flawed": {**FLAWED, "rewrite": "The lantern costs 39 euros."},
    "cannot_judge": {"verdict": "cannot_judge"},
}

# All but the one that measures leases by the transaction's clock: it stands still in here.
KEPT = [one for one in [*SEATS, *FOUR_EYES] if one.name != "no lease lasts longer than its queue's"]


@dataclass
class Seat:
    """What one person's claim on one task must look like. `turn` counts takings; `live` is a lease that runs."""

    state: str
    fence: int
    turn: int
    live: bool = True
    skipped: bool = False
    put_off: bool = False

    def counts(self) -> bool:
        return self.state == "done" or (self.state == "held" and self.live)


@dataclass
class Given:
    """A label and what became of it."""

    row: Label
    task: int
    by: int
    state: str = "waiting"


@dataclass(frozen=True)
class World:
    """The rows that every history begins with."""

    queue: Queue
    people: list[User]
    tasks: list[ReviewTask]
    moderator: User
    admin: User


class QueueMachine(RuleBasedStateMachine):
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.members = set(range(PEOPLE))
        self.seats: dict[tuple[int, int], Seat] = {}
        self.states = ["open"] * TASKS
        self.labels: list[Given] = []
        self.turns = numbers()
        self.overlap = 1

    def teardown(self) -> None:
        try:
            assert [one.name for one in KEPT if look(one).breaches] == []
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)

    # What the model says.

    def others(self, task: int, but: int) -> list[Seat]:
        return [seat for (at, by), seat in self.seats.items() if at == task and by != but and seat.counts()]

    def taken(self, task: int) -> int:
        return len(self.others(task, -1))

    def has_seat(self, task: int, by: int) -> bool:
        mine = self.seats[task, by]
        before = [s for s in self.others(task, by) if s.state == "done" or s.turn < mine.turn or not mine.live]
        return len(before) < self.overlap

    def may_take(self, task: int, by: int) -> bool:
        mine = self.seats.get((task, by))
        return len(self.others(task, by)) < self.overlap and not (mine and mine.state == "done")

    def take(self, task: int, by: int) -> None:
        before = self.seats.get((task, by))
        self.seats[task, by] = Seat("held", before.fence + 1 if before else 1, next(self.turns))

    def served(self, by: int) -> int | None:
        """The task that `by` gets for asking for the next one, None for none."""
        at_hand = [
            (seat.turn, task)
            for (task, whose), seat in self.seats.items()
            if whose == by and seat.state == "held" and seat.live and self.states[task] == "open"
        ]
        if at_hand and self.has_seat(max(at_hand)[1], by):
            return max(at_hand)[1]
        for task in sorted(range(TASKS), key=lambda n: (-self.world.tasks[n].priority, n)):
            mine = self.seats.get((task, by))
            seen = mine and (mine.skipped or mine.put_off or mine.counts())
            if self.states[task] == "open" and self.taken(task) < self.overlap and not seen:
                return task
        return None

    def settle(self, task: int) -> None:
        done = sum(seat.state == "done" for seat in self.others(task, -1))
        if done < self.overlap:
            self.states[task] = "open"
            return
        if self.states[task] == "open":
            self.states[task] = "submitted"
        waits = any(label.task == task and label.state == "waiting" for label in self.labels)
        if self.states[task] == "submitted" and not waits:
            self.states[task] = "approved"

    def hand_back(self, given: Given) -> None:
        seat = self.seats[given.task, given.by]
        seat.state, seat.fence = "released", seat.fence + 1
        self.settle(given.task)

    def holds(self, task: int, by: int) -> bool:
        mine = self.seats.get((task, by))
        return bool(mine and mine.state == "held" and mine.live and self.has_seat(task, by))

    def claimed(self) -> list[tuple[int, int]]:
        return sorted(self.seats)

    def judged(self) -> list[Given]:
        return self.labels

    # What is asked of the system.

    def answer(self, act: Callable[[], Any], *, refused: type[Exception] | None) -> Any:
        """What `act` returns; with `refused` it raises that, and the model stays as it is."""
        if refused is None:
            return act()
        with pytest.raises(REFUSALS) as raised, transaction.atomic():
            act()
        assert type(raised.value) is refused
        return None

    def row(self, task: int, by: int) -> Claim:
        return Claim.objects.get(task=self.world.tasks[task], by=self.world.people[by])

    @initialize(overlap=st.integers(1, 3))
    def begins(self, overlap: int) -> None:
        self.set_overlap(overlap)

    @rule(by=ONE)
    def asks_for_the_next(self, by: int) -> None:
        refused = None if by in self.members else NotFound
        expected = None if refused else self.served(by)
        got = self.answer(lambda: claims.claim_next(self.world.queue, by=self.world.people[by]), refused=refused)
        assert (got and got.task_id) == (None if expected is None else self.world.tasks[expected].pk)
        if expected is not None and not self.holds(expected, by):
            self.take(expected, by)

    @rule(task=OF_THEM, by=ONE)
    def claims_this_one(self, task: int, by: int) -> None:
        held = by in self.members and self.states[task] == "open" and self.holds(task, by)
        refused: type[Exception] | None = None if by in self.members else NotFound
        if not refused and (self.states[task] != "open" or not (held or self.may_take(task, by))):
            refused = StaleState
        self.answer(lambda: claims.claim(self.world.tasks[task], by=self.world.people[by]), refused=refused)
        if not refused and not held:
            self.take(task, by)

    @precondition(claimed)
    @rule(data=st.data(), verdict=st.sampled_from(sorted(PAYLOADS)), behind=st.sampled_from([0, 0, 0, 1, -1]))
    def submits(self, data: st.DataObject, verdict: str, behind: int) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        seat = self.seats[task, by]
        may = seat.state == "held" and behind == 0 and self.states[task] == "open" and self.has_seat(task, by)
        refused = NotAllowed if by not in self.members else None if may else StaleState
        payload = PAYLOADS[verdict]
        row = self.answer(
            lambda: submit(
                self.world.tasks[task], by=self.world.people[by], fence=seat.fence - behind, payload=dict(payload)
            ),
            refused=refused,
        )
        if not refused:
            seat.state = "done"
            self.labels.append(Given(row, task, by))
            self.settle(task)

    @precondition(claimed)
    @rule(data=st.data())
    def lets_the_lease_run_out(self, data: st.DataObject) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        Claim.objects.held().filter(pk=self.row(task, by).pk).update(leased_until=Now() - timedelta(days=1))
        if self.seats[task, by].state == "held":
            self.seats[task, by].live = False

    @precondition(claimed)
    @rule(data=st.data())
    def types_on(self, data: st.DataObject) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        claim = self.row(task, by)
        refused = None if by in self.members else NotAllowed
        self.answer(lambda: claims.renew(claim, by=self.world.people[by]), refused=refused)
        seat = self.seats[task, by]
        if not refused and seat.state == "held" and self.has_seat(task, by):
            seat.live = True

    @precondition(claimed)
    @rule(data=st.data(), behind=st.sampled_from([0, 0, 1]))
    def gives_it_back(self, data: st.DataObject, behind: int) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        claim, seat = self.row(task, by), self.seats[task, by]
        refused = None if by in self.members else NotAllowed
        fence = seat.fence - behind
        self.answer(lambda: claims.release(claim, by=self.world.people[by], fence=fence), refused=refused)
        if not refused and seat.state == "held" and not behind:
            seat.state = "released"

    @precondition(claimed)
    @rule(data=st.data(), behind=st.sampled_from([0, 0, 1]))
    def skips(self, data: st.DataObject, behind: int) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        claim, seat = self.row(task, by), self.seats[task, by]
        holds = seat.state == "held" and not behind
        refused = NotAllowed if by not in self.members else None if holds else StaleState
        fence = seat.fence - behind
        self.answer(lambda: claims.skip(claim, by=self.world.people[by], reason="", fence=fence), refused=refused)
        if not refused:
            seat.state, seat.skipped = "released", True

    @precondition(claimed)
    @rule(data=st.data(), behind=st.sampled_from([0, 0, 1]))
    def puts_it_off(self, data: st.DataObject, behind: int) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        claim, seat, until = self.row(task, by), self.seats[task, by], timezone.now() + timedelta(hours=1)
        holds = seat.state == "held" and not behind
        refused = NotAllowed if by not in self.members else None if holds else StaleState
        fence = seat.fence - behind
        self.answer(lambda: claims.snooze(claim, by=self.world.people[by], until=until, fence=fence), refused=refused)
        if not refused:
            seat.state, seat.put_off = "released", True

    @precondition(claimed)
    @rule(data=st.data())
    def wants_again_what_was_put_off(self, data: st.DataObject) -> None:
        task, by = data.draw(st.sampled_from(self.claimed()))
        past = Now() - timedelta(seconds=1)
        Claim.objects.filter(pk=self.row(task, by).pk, snoozed_until__isnull=False).update(snoozed_until=past)
        self.seats[task, by].put_off = False

    @precondition(judged)
    @rule(data=st.data())
    def takes_a_label_back(self, data: st.DataObject) -> None:
        given = data.draw(st.sampled_from(self.labels))
        kept = ({key: replace(seat) for key, seat in self.seats.items()}, list(self.states), given.state)
        refused: type[Exception] | None = NotAllowed if given.by not in self.members else None
        if not refused and given.state != "waiting":
            refused = StaleState
        if not refused:
            given.state = "withdrawn"
            self.hand_back(given)
            if self.states[given.task] == "open" and self.may_take(given.task, given.by):
                self.take(given.task, given.by)
            else:  # its seat is gone for good: then it stays submitted
                self.seats, self.states, given.state = kept
                refused = StaleState
        self.answer(lambda: withdraw(given.row, by=self.world.people[given.by]), refused=refused)

    @precondition(judged)
    @rule(data=st.data())
    def is_approved(self, data: st.DataObject) -> None:
        given = data.draw(st.sampled_from(self.labels))
        judges = given.row.verdict != "cannot_judge"
        refused = StaleState if given.state != "waiting" else None if judges else Invalid
        self.answer(lambda: approve(given.row, by=self.world.moderator), refused=refused)
        if not refused:
            given.state = "approved"
            if self.states[given.task] != "approved":
                self.settle(given.task)

    @precondition(judged)
    @rule(data=st.data())
    def is_sent_back(self, data: st.DataObject) -> None:
        given = data.draw(st.sampled_from(self.labels))
        refused = StaleState if given.state != "waiting" else None
        self.answer(lambda: send_back(given.row, by=self.world.moderator, reason="look again"), refused=refused)
        if not refused:
            given.state = "returned"
            self.hand_back(given)

    @precondition(judged)
    @rule(data=st.data())
    def is_approved_by_its_author(self, data: st.DataObject) -> None:
        given = data.draw(st.sampled_from(self.labels))
        author = self.world.people[given.by]
        Membership.objects.filter(user=author).update(role=Role.MODERATOR)
        self.answer(lambda: approve(given.row, by=author), refused=NotAllowed)
        Membership.objects.filter(user=author).update(role=Role.EXPERT)

    @rule(by=ONE)
    def leaves_or_comes_back(self, by: int) -> None:
        if by in self.members:
            Membership.objects.filter(user=self.world.people[by]).delete()
        else:
            project = self.world.queue.project
            Membership.objects.create(project=project, user=self.world.people[by], role=Role.EXPERT)
        self.members ^= {by}

    @rule()
    def what_was_held_by_who_left_is_given_back(self) -> None:
        claims.release_strangers(self.world.queue.project_id)
        self.strangers_hold_nothing()

    def strangers_hold_nothing(self) -> None:
        for (_, by), seat in self.seats.items():
            if by not in self.members and seat.state == "held":
                seat.state = "released"

    @rule(overlap=st.integers(1, 3))
    def wants_another_number_of_judgements(self, overlap: int) -> None:
        self.set_overlap(overlap)

    def set_overlap(self, overlap: int) -> None:
        update_queue(self.world.queue, by=self.world.admin, overlap=overlap)
        self.strangers_hold_nothing()
        if overlap == self.overlap:
            return
        self.overlap = overlap
        for task in range(TASKS):
            if self.states[task] != "approved":
                self.settle(task)
        held = [at for at, seat in self.seats.items() if seat.state == "held" and seat.live]
        for at in [at for at in held if not self.has_seat(*at)]:
            self.seats[at].live = False

    # What must hold after every step.

    @invariant()
    def postgres_agrees(self) -> None:
        tasks = {row.pk: n for n, row in enumerate(self.world.tasks)}
        people = {row.pk: n for n, row in enumerate(self.world.people)}
        rows = Claim.objects.filter(task__in=tasks).annotate(now=Now())
        seen = {
            (tasks[row.task_id], people[row.by_id]): (
                row.state, row.fence, bool(row.skip_reason), bool(row.snoozed_until and row.snoozed_until > row.now),
                row.state == "held" and row.leased_until > row.now,
            )
            for row in rows
        }  # fmt: skip
        assert seen == {
            at: (seat.state, seat.fence, seat.skipped, seat.put_off, seat.state == "held" and seat.live)
            for at, seat in self.seats.items()
        }
        assert dict(ReviewTask.objects.filter(pk__in=tasks).values_list("pk", "state")) == dict(
            zip(tasks, self.states, strict=True)
        )
        standing = [(label.task, label.by) for label in self.labels if label.state in {"waiting", "approved"}]
        stored = Label.objects.standing().filter(task__in=tasks).values_list("task", "author")
        assert sorted((tasks[task], people[author]) for task, author in stored) == sorted(standing)
        assert len(standing) == len(set(standing)), "somebody judged a task twice"
        assert Label.objects.filter(task__in=tasks).count() == len(self.labels), "a label was lost, or nobody gave it"


@pytest.fixture
def world(db: None) -> World:
    project = make_project()
    queue = make_queue(project)
    return World(
        queue=queue,
        people=[make_member(project) for _ in range(PEOPLE)],
        tasks=[make_task(queue, priority=n % 2) for n in range(TASKS)],
        moderator=make_member(project, Role.MODERATOR),
        admin=make_member(project, Role.ADMIN),
    )


@pytest.mark.bar("R3")
def test_no_history_of_a_queue_loses_or_doubles_a_judgement(world: World, count: Callable[[int, int], int]) -> None:
    machine = type("Machine", (QueueMachine,), {"world": world})
    tried = settings(
        max_examples=count(100, 2000), stateful_step_count=count(25, 50), deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=tried)
