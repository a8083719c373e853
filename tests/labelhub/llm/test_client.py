"""Asking models by URL."""

import base64
import http.server
import json
import os
import threading

import httpx
import numpy as np
import pytest
from django.conf import settings

from labelhub.errors import Unavailable
from labelhub.llm import client


def test_a_forked_process_opens_connections_of_its_own(monkeypatch):
    monkeypatch.setitem(client._clients, "http://127.0.0.1:9/v1", httpx.Client())
    pid = os.fork()
    if pid == 0:
        os._exit(len(client._clients))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert client._clients


@pytest.fixture
def server(monkeypatch):
    """Answers what `server.answer` makes of a request's JSON: (status, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.sizes.append(len(sent))
            status, body = self.server.answer(json.loads(sent))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.sizes = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("LABELHUB_EMBED_URL", "LABELHUB_CHAT_URL"):
            monkeypatch.setattr(settings, name, f"http://127.0.0.1:{server.server_port}/v1")
        yield server
        server.shutdown()


def vectors(*rows):
    packed = [base64.b64encode(np.asarray(row, np.float32).tobytes()).decode() for row in rows]
    data = [{"index": index, "embedding": embedding} for index, embedding in enumerate(packed)]
    return 200, json.dumps({"data": data[::-1]}).encode()


def first_axis(length=1.0, n=client.DIMENSIONS):
    return [length] + [0.0] * (n - 1)


def test_vectors_come_in_the_order_of_the_texts_and_have_length_one(server):
    server.answer = lambda sent: vectors(*([0.0] * n + [3.0] + [0.0] * (383 - n) for n in range(len(sent["input"]))))
    got = client.embed([f"text {n}" for n in range(3)])
    assert got.dtype == np.float32
    assert (got == np.eye(3, client.DIMENSIONS)).all()
    assert client.embed([]).shape == (0, client.DIMENSIONS)


def test_long_texts_are_cut_and_many_go_in_several_requests_none_of_which_a_server_would_refuse(server):
    seen = []

    def answer(sent):
        seen.extend(sent["input"])
        return vectors(*(first_axis() for _ in sent["input"]))

    server.answer = answer
    texts = [f"{n}" + "\x01\U0001f600" * 2**18 for n in range(100)]
    assert client.embed(texts).shape == (100, client.DIMENSIONS)
    assert [text[: len(one)] for text, one in zip(texts, seen, strict=True)] == seen
    assert {len(one) for one in seen} == {client.READ}
    assert max(server.sizes) < 5 << 20


@pytest.mark.parametrize(
    ("status", "body"),
    [
        vectors(first_axis()),
        vectors(first_axis(n=768), first_axis(n=768)),
        vectors(first_axis(), first_axis(n=383)),
        vectors(first_axis(float("nan")), first_axis()),
        vectors(first_axis(0.0), first_axis()),
        (200, b"<html>Sign in</html>"),
        (200, b"\xff"),
        (200, b"[" * 100_000),
        (200, b"[]"),
        (200, b"null"),
        (200, b'{"object": "list"}'),
        (200, b'{"data": null}'),
        (200, b'{"data": [1, 2]}'),
        (200, b'{"data": [{"index": 0}, {"index": 1}]}'),
        (200, b'{"data": [{"index": 0, "embedding": "AAA"}, {"index": 1, "embedding": "AAAAAA=="}]}'),
        (200, b'{"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}'),
        (302, b""),
        (500, b"no"),
        (503, b"no"),
        (408, b"no"),
        (429, b"no"),
    ],
)
def test_what_is_no_vectors_is_an_encoder_that_is_away(server, status, body):
    server.answer = lambda _: (status, body)
    with pytest.raises(Unavailable) as refusal:
        client.embed(["one", "two"])
    assert not isinstance(refusal.value, client.Declined)


def test_it_says_how_many_vectors_and_of_what_size_an_encoder_gives(server):
    server.answer = lambda _: vectors(first_axis())
    with pytest.raises(Unavailable, match="1 vectors for 2 texts"):
        client.embed(["one", "two"])
    server.answer = lambda _: vectors(first_axis(n=768))
    with pytest.raises(Unavailable, match=r"768 numbers.*384"):
        client.embed(["one"])


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422])
def test_a_request_that_is_declined_is_told_from_a_server_that_is_away(server, status):
    server.answer = lambda _: (status, b"not that")
    with pytest.raises(client.Declined, match=f"{status}: not that"):
        client.embed(["one"])


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"choices": []}', b'{"choices": [{"message": null}]}', b"no"])
def test_chat_that_is_no_answer_is_a_server_that_is_away(server, body):
    server.answer = lambda _: (200, body)
    with pytest.raises(Unavailable):
        client.chat("starter", [{"role": "user", "content": "Hello"}])
