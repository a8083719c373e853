"""The engine's thread: one request's odd wishes are nobody else's trouble, and its end is not hidden."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from training.lm.serve.errors import ApiError

HELLO = [7, 9, 11]
ends_on_purpose = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="module")
def parts(base: Path) -> tuple[Any, Any]:
    from training.lm.base_model import load_base
    from training.lm.tokens import load_tokenizer

    return load_tokenizer(base), load_base(base)


@pytest.fixture
def engine(parts: tuple[Any, Any]) -> Any:
    from training.lm.serve.engine import Engine

    return Engine({"base": parts[1], "other": parts[1]}, frozenset())


class Listener:
    """One ask, and what the engine told it."""

    def __init__(self, model: str = "base", **sampling: float) -> None:
        from training.lm.serve.engine import Ask, Sampling

        self.told: queue.Queue[Any] = queue.Queue()
        self.ask = Ask(model, HELLO, 6, self.told.put, Sampling(**sampling))  # type: ignore[arg-type]

    def answer(self) -> list[int] | ApiError:
        tokens = []
        while True:
            item = self.told.get(timeout=20)
            if isinstance(item, ApiError):
                return item
            tokens.append(item.id)
            if item.last:
                return tokens


def together(engine: Any, *listeners: Listener) -> list[list[int] | ApiError]:
    """Asked while the engine is at something else, so that they share a group."""
    waiting: queue.Queue[None] = queue.Queue()
    engine.call(waiting.get)
    for listener in listeners:
        engine.submit(listener.ask)
    waiting.put(None)
    return [listener.answer() for listener in listeners]


@pytest.mark.parametrize("odd", [{"temperature": 0.7, "top_p": 0.0}, {"temperature": 1e-40}, {"temperature": 1e-9}])
def test_what_leaves_one_token_to_choose_is_greedy_and_harms_nobody_beside_it(engine: Any, odd: dict[str, float]):
    plain, chosen = together(engine, Listener(), Listener(**odd))
    assert plain == chosen == together(engine, Listener())[0]
    assert len(plain) == 6


def test_a_group_that_cannot_begin_fails_alone_and_the_engine_goes_on(engine: Any, monkeypatch: pytest.MonkeyPatch):
    from training.lm.serve import engine as module

    def one_in_two(model: Any, *arguments: Any, made: list[int] = [], **named: Any) -> Any:  # noqa: B006
        made.append(1)
        if len(made) == 1:
            raise RuntimeError("no memory for this one")
        return original(model, *arguments, **named)

    original: Callable[..., Any] = module.Decoding
    monkeypatch.setattr(module, "Decoding", one_in_two)
    failed, answered = together(engine, Listener("base"), Listener("other"))
    assert isinstance(failed, ApiError)
    assert failed.status == 500
    assert isinstance(answered, list)
    assert engine.is_alive


@pytest.fixture
def end(engine: Any) -> Callable[[], None]:
    """The engine gets no further than to what it is given now: then end() ends it."""
    held: queue.Queue[None] = queue.Queue()

    def leave() -> None:
        held.get()
        raise SystemExit

    engine._put(SimpleNamespace(run=leave))

    def now() -> None:
        held.put(None)
        engine._thread.join(20)
        assert not engine._thread.is_alive()

    return now


@ends_on_purpose
def test_an_engine_that_has_ended_is_no_health_and_takes_no_asks(
    engine: Any, parts: tuple[Any, Any], end: Callable[[], None]
):
    from starlette.testclient import TestClient

    from training.lm.serve.app import Server, make_app
    from training.lm.serve.shelf import Shelf

    shelf = Shelf("base", {"base": parts[1]}, None, 4)
    client = TestClient(make_app(Server(engine, shelf, parts[0], 256), ["testserver"], lambda: None))
    assert client.get("/health").json()["status"] == "ok"
    listener = Listener()
    engine.submit(listener.ask)
    end()
    told = listener.answer()
    assert isinstance(told, ApiError)
    assert told.status == 503
    health = client.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "the engine has ended")
    with pytest.raises(ApiError, match="ended"):
        engine.submit(listener.ask)


@ends_on_purpose
def test_jobs_that_wait_when_the_engine_ends_are_not_waited_for_in_vain(engine: Any, end: Callable[[], None]):
    waiting, given_up = engine.call(lambda: 1), engine.call(lambda: 2)
    assert given_up.cancel()
    end()
    with pytest.raises(ApiError, match="ended"):
        waiting.result(5)
    assert given_up.cancelled()


@ends_on_purpose
def test_who_comes_while_the_engine_ends_is_sent_away(
    engine: Any, end: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    from training.lm.serve import engine as module

    tell, late, refusals = module._tell, Listener(), []

    def tell_late(asks: list[Any], error: ApiError) -> None:
        tell(asks, error)
        for come in (lambda: engine.submit(late.ask), lambda: engine.call(lambda: 1)):
            try:
                come()
            except ApiError as refusal:
                refusals.append(refusal.status)

    monkeypatch.setattr(module, "_tell", tell_late)
    end()
    assert refusals == [503, 503]


def test_models_that_are_asked_for_are_known_whether_they_wait_or_answer(engine: Any):
    listeners, seen = [Listener("base"), Listener("other")], []
    waiting: queue.Queue[None] = queue.Queue()
    engine.call(waiting.get)
    engine.submit(listeners[0].ask)
    looked = engine.call(lambda: seen.append(engine.asked_for()))
    engine.submit(listeners[1].ask)
    waiting.put(None)
    looked.result(5)
    assert seen == [{"base", "other"}]
    assert all(listener.answer() for listener in listeners)
    assert engine.call(engine.asked_for).result(5) == set()
