"""Places for adapters: whoever was not asked for the longest makes room, and never in the middle of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from training.lm.adapter_files import AdapterFiles, LoraShape
from training.lm.files import Refused
from training.lm.serve.errors import ApiError


def files(name: str) -> AdapterFiles:
    return AdapterFiles(LoraShape(4, 8, 0.0, ("q_proj",)), b"", {"adapter_model.safetensors": name})


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Any:
    """With places for three."""
    from training.lm.serve import shelf as module

    monkeypatch.setattr(module, "merged_copy", lambda base, adapter: object())
    made = module.Shelf("base", {"base": object()}, None, 3)  # type: ignore[dict-item]
    for name in "abc":
        assert made.add(name, files(name))
    return made


def test_the_adapter_that_was_not_asked_for_the_longest_makes_room(shelf: Any):
    shelf.use("a")
    shelf.use("base")
    assert shelf.add("d", files("d"))
    assert set(shelf.models) == {"base", "a", "c", "d"}
    assert not shelf.add("c", files("c"))
    assert shelf.add("e", files("e"))
    assert set(shelf.models) == {"base", "c", "d", "e"}
    assert set(shelf.hashes) == {"c", "d", "e"}


def test_an_adapter_that_is_answering_stays(shelf: Any):
    assert shelf.add("d", files("d"), busy={"a", "base"})
    assert set(shelf.models) == {"base", "a", "c", "d"}
    with pytest.raises(ApiError) as refusal:
        shelf.add("e", files("e"), busy={"a", "c", "d"})
    assert refusal.value.status == 503
    assert set(shelf.models) == {"base", "a", "c", "d"}


def test_an_adapter_that_does_not_fit_takes_nobodys_place(shelf: Any, monkeypatch: pytest.MonkeyPatch):
    from training.lm.serve import shelf as module

    def refuse(base: object, adapter: AdapterFiles) -> object:
        raise Refused("the adapter does not fit the base model")

    monkeypatch.setattr(module, "merged_copy", refuse)
    with pytest.raises(ApiError):
        shelf.add("d", files("d"))
    assert set(shelf.models) == {"base", "a", "b", "c"}


def test_other_files_under_a_loaded_name_are_a_conflict_of_their_own(shelf: Any):
    with pytest.raises(ApiError) as refusal:
        shelf.add("a", files("other"))
    assert (refusal.value.status, refusal.value.code) == (409, "conflict")


def test_what_is_not_on_the_shelf_cannot_be_used(shelf: Any):
    with pytest.raises(ApiError) as refusal:
        shelf.use("nobody")
    assert refusal.value.status == 404
