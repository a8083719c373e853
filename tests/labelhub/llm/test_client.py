"""Asking models by URL."""

import http.server
import json
import os
import threading

import httpx
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


class OneVector(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.dumps({"data": [{"index": 0, "embedding": "AAAAAA=="}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def test_fewer_vectors_than_texts_are_no_answer(monkeypatch):
    with http.server.HTTPServer(("127.0.0.1", 0), OneVector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(settings, "LABELHUB_EMBED_URL", f"http://127.0.0.1:{server.server_port}/v1")
        with pytest.raises(Unavailable, match="1 vectors for 2 texts"):
            client.embed(["one", "two"])
        server.shutdown()
