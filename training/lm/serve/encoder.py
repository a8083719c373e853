"""The server's side of the embedder: one thread that feeds the process and starts it again if it dies."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from training.lm.files import Refused
from training.lm.serve.errors import ApiError

MOST_WAITING, MOST_TEXTS = 256, 64


@dataclass(frozen=True, slots=True)
class Embedded:
    """One fp32 vector a text, as bytes, and the tokens that were read."""

    vectors: list[bytes]
    tokens: int


@dataclass(eq=False, slots=True)
class _Request:
    texts: list[str]
    answer: Future[Embedded]


class Encoder:
    """Vectors for texts, from a process of its own so that chat does not wait for it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._waiting: queue.Queue[_Request] = queue.Queue(MOST_WAITING)
        self._ready: Future[int] = Future()
        self._process: subprocess.Popen[bytes] | None = None
        # the kernel ties a child to the thread that started it, so this thread starts it and never ends
        threading.Thread(target=self._work, name="encoder", daemon=True).start()

    @property
    def dimensions(self) -> int:
        """Waits until the process is ready. Raises Refused when the folder is no usable encoder."""
        return self._ready.result()

    def embed(self, texts: list[str]) -> Future[Embedded]:
        """Raises ApiError 503 when too much is waiting already."""
        request = _Request(texts, Future())
        try:
            self._waiting.put_nowait(request)
        except queue.Full:
            raise ApiError(503, "Too many requests are waiting; try again.", "overloaded") from None
        return request.answer

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _work(self) -> None:
        try:
            connection, dimensions = self._start()
        except BaseException as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(dimensions)
        while True:
            requests = self._taken()
            try:
                self._serve(connection, requests)
            except Exception:  # whatever it was: who waits is answered, and so is the next one
                connection = self._retry(self._restarted(), requests)

    def _start(self) -> tuple[Connection, int]:
        ours, theirs = Pipe()
        command = [
            sys.executable,
            "-m",
            "training.lm.serve.embedder",
            str(theirs.fileno()),
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        try:
            head = json.loads(ours.recv_bytes())
        except EOFError:
            raise Refused("the encoder's process ended before it was ready") from None
        if "error" in head:
            raise Refused(f"the encoder cannot be loaded: {head['error']}")
        return ours, int(head["dimensions"])

    def _restarted(self) -> Connection:
        try:
            return self._start()[0]
        except BaseException:
            # without an encoder this server is only half there: whoever watches it starts a whole one
            print("the encoder cannot be started again", file=sys.stderr)
            os._exit(1)

    def _taken(self) -> list[_Request]:
        """What waits and is still wanted, up to a batch; blocks for the first."""
        requests: list[_Request] = []
        while sum(len(request.texts) for request in requests) < MOST_TEXTS:
            try:
                request = self._waiting.get(block=not requests)
            except queue.Empty:
                break
            if request.answer.set_running_or_notify_cancel():
                requests.append(request)
        return requests

    def _serve(self, connection: Connection, requests: list[_Request]) -> None:
        texts = [text for request in requests for text in request.texts]
        connection.send_bytes(json.dumps(texts).encode())
        tokens = json.loads(connection.recv_bytes())["tokens"]
        data, at = connection.recv_bytes(), 0
        width = len(data) // len(texts)
        for request in requests:
            here = range(at, at + len(request.texts))
            vectors = [data[index * width : (index + 1) * width] for index in here]
            at += len(request.texts)
            request.answer.set_result(Embedded(vectors, sum(tokens[index] for index in here)))

    def _retry(self, connection: Connection, requests: list[_Request]) -> Connection:
        """Once each and apart, so that a text that kills the process takes no other with it."""
        for request in (one for one in requests if not one.answer.done()):
            try:
                self._serve(connection, [request])
            except Exception:
                failure = ApiError(500, "The encoder failed on this request.", "server_error")
                request.answer.set_exception(failure)
                connection = self._restarted()
        return connection
