"""One thread that owns the models: it answers what waits, a token of every answer at a time.

Requests that arrive together for one model share a batch; later ones start beside them at the next token.
Loading and unloading go through the same queue, so a model is never swapped under a running step.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.lm.decode import Decoding, Step
from training.lm.serve.errors import ApiError, unknown_model

T = TypeVar("T")
MOST_WAITING, MOST_RUNNING = 256, 32
COLDEST = 1e-3  # a temperature below leaves nothing but the likeliest token, or numbers that are no numbers


@dataclass(frozen=True, slots=True)
class Token:
    """`alternatives`: the likeliest tokens at this place with their log-probabilities, if asked for."""

    id: int
    logprob: float
    alternatives: tuple[tuple[int, float], ...] = ()
    ended: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature 0 is greedy; `top_p` keeps the likeliest tokens up to that mass, and the likeliest of all always."""

    temperature: float = 0.0
    top_p: float = 1.0
    generator: torch.Generator | None = None

    @property
    def is_greedy(self) -> bool:
        return self.temperature < COLDEST

    def draw(self, logits: Tensor) -> Tensor:
        """logits [V] → one token, []. Not for greedy ones."""
        probabilities, ids = (logits / self.temperature).softmax(-1).sort(descending=True)
        before = probabilities.cumsum(-1) - probabilities
        probabilities[1:][before[1:] >= self.top_p] = 0.0
        return ids[torch.multinomial(probabilities, 1, generator=self.generator)[0]]


@dataclass(eq=False, slots=True)
class Ask:
    """One request. `emit` is called from the engine's thread with each token, or with what went wrong."""

    model: str
    ids: list[int]
    limit: int
    emit: Callable[[Token | ApiError], None]
    sampling: Sampling = field(default_factory=Sampling)
    alternatives: int = 0
    cancelled: bool = False


class _Group:
    """Asks for one model that started together."""

    def __init__(self, model: PreTrainedModel, asks: list[Ask], ends: frozenset[int]) -> None:
        self.asks = asks
        prompts, limits = [ask.ids for ask in asks], [ask.limit for ask in asks]
        self._decoding = Decoding(model, prompts, limits, ends, self._choose)

    def step(self) -> bool:
        """Emits one token for each ask; False when all are answered."""
        for row in self._decoding.rows:
            if self.asks[row].cancelled:
                self._decoding.drop(row)
        for step in self._decoding.step():
            self._emit(self.asks[step.row], step)
        return bool(self._decoding.rows)

    def _emit(self, ask: Ask, step: Step) -> None:
        last = step.row not in self._decoding.rows
        ask.emit(Token(step.token, step.logprob, _alternatives(step.logits, ask.alternatives), step.ended, last))

    def _choose(self, logits: Tensor, rows: list[int]) -> Tensor:
        tokens = logits.argmax(-1)
        for at, row in enumerate(rows):
            if not self.asks[row].sampling.is_greedy:
                tokens[at] = self.asks[row].sampling.draw(logits[at])
        return tokens


def _alternatives(logits: Tensor, number: int) -> tuple[tuple[int, float], ...]:
    if not number:
        return ()
    best = logits.log_softmax(-1).topk(min(number, logits.shape[-1]))
    return tuple(zip(best.indices.tolist(), best.values.tolist(), strict=True))


class _Job(Generic[T]):
    """Work for the engine's thread. `future`: what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.future: Future[T] = Future()

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self._work())
        except BaseException as error:
            self.future.set_exception(error)

    def refuse(self, error: ApiError) -> None:
        """It is not run any more."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Engine:
    """`models`: name → model, changed only by `call`ed jobs, that is between steps."""

    def __init__(self, models: Mapping[str, PreTrainedModel], ends: frozenset[int]) -> None:
        self._models, self._ends = models, ends
        self._waiting: queue.Queue[Ask | _Job[Any]] = queue.Queue(MOST_WAITING)
        self._door, self._over = threading.Lock(), False  # who comes in before it is over is told how it ended
        self._taken: dict[str, list[Ask]] = {}  # about to begin, by model
        self._groups: list[_Group] = []
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return not self._over

    def submit(self, ask: Ask) -> None:
        """Raises ApiError 503 when too much is waiting already, or the engine has ended."""
        self._put(ask)

    def call(self, job: Callable[[], T]) -> Future[T]:
        """Runs `job` in the engine's thread between two steps. Raises as `submit`; its future too, where it ends."""
        waiting = _Job(job)
        self._put(waiting)
        return waiting.future

    def asked_for(self) -> set[str]:
        """The models whose answers somebody waits for now. For jobs: ask in the engine's thread."""
        return {ask.model for ask in self._under_way()}

    def _under_way(self) -> list[Ask]:
        with self._waiting.mutex:
            waiting = [item for item in self._waiting.queue if isinstance(item, Ask)]
        taken = [ask for asks in self._taken.values() for ask in asks]
        running = [ask for group in self._groups for ask in group.asks]
        return [ask for ask in (*waiting, *taken, *running) if not ask.cancelled]

    def _put(self, item: Ask | _Job[Any]) -> None:
        with self._door:
            if self._over:
                raise _ended()
            try:
                self._waiting.put_nowait(item)
            except queue.Full:
                raise ApiError(503, "Too many requests are waiting; try again.", "overloaded") from None

    def _work(self) -> None:
        try:
            while True:
                self._take()
                for asks in self._taken.values():
                    self._begin(asks)
                self._taken = {}
                self._groups = [group for group in self._groups if self._advance(group)]
        finally:
            self._end()

    def _end(self) -> None:
        """Nobody is to wait for an engine that has ended: lets nobody in any more, and tells all who are inside."""
        with self._door:
            self._over = True
        asks = self._under_way()
        while not self._waiting.empty():
            item = self._waiting.get_nowait()
            if isinstance(item, _Job):
                item.refuse(_ended())
        _tell(asks, _ended())

    def _take(self) -> None:
        """Runs the jobs that wait and takes the asks there is room for; blocks only when nothing runs."""
        room = MOST_RUNNING - sum(len(group.asks) for group in self._groups)
        block = not self._groups
        while room > 0:
            try:
                item = self._waiting.get(block=block)
            except queue.Empty:
                break
            block = False
            if isinstance(item, Ask):
                self._taken.setdefault(item.model, []).append(item)
                room -= 1
            else:
                item.run()
                block = not self._groups and not self._taken

    def _begin(self, asks: list[Ask]) -> None:
        model = self._models.get(asks[0].model)
        if model is None:
            _tell(asks, unknown_model(asks[0].model))
            return
        try:
            self._groups.append(_Group(model, asks, self._ends))
        except Exception:
            traceback.print_exc()
            _tell(asks, _failed())

    def _advance(self, group: _Group) -> bool:
        try:
            return group.step()
        except Exception:
            traceback.print_exc()
            _tell(group.asks, _failed())
            return False


def _failed() -> ApiError:
    return ApiError(500, "The model failed on this request.", "server_error")


def _ended() -> ApiError:
    return ApiError(503, "The engine of this server has ended: start it again.", "server_error")


def _tell(asks: list[Ask], error: ApiError) -> None:
    for ask in asks:
        ask.emit(error)
