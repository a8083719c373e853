"""A light load generator: one thread, raw sockets, keep-alive, a fixed number of connections, each always busy.

It shares two cores with the server, so it does as little as it can: requests come ready-made as bytes, and of an answer
only the status is read. A connection that the server closes is opened again and its request sent once more, which is
harmless for whatever is idempotent.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Load:
    """What came back. `latencies_ms` are of closed-loop requests: they say nothing about an open queue."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    sent_again: int = 0

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())


@dataclass
class _Line:
    socket: socket.socket
    request: bytes = b""
    sent_at: float = 0.0
    left: memoryview = field(default_factory=lambda: memoryview(b""))
    heard: bytearray = field(default_factory=bytearray)


def post_bytes(url: str, path: str, key: str, body: bytes) -> bytes:
    """A whole HTTP/1.1 POST."""
    host = urlsplit(url).netloc
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def drive(url: str, requests: Iterator[bytes], *, seconds: float, connections: int = 8) -> Load:
    """Send `requests` over `connections` for `seconds`, or until there are none left; wait for the last answers."""
    load, chooser = Load(), selectors.DefaultSelector()
    started = time.perf_counter()
    until = started + seconds
    open_lines = 0
    for _ in range(connections):
        open_lines += _next(url, _Line(_connect(url)), chooser, requests, until)
    while open_lines:
        for entry, events in chooser.select(timeout=30):
            line: _Line = entry.data
            if events & selectors.EVENT_WRITE:
                _send(line, chooser)
            elif status := _receive(url, line, chooser, load):
                load.statuses[status] += 1
                load.latencies_ms.append((time.perf_counter() - line.sent_at) * 1000)
                chooser.unregister(line.socket)
                open_lines += _next(url, line, chooser, requests, until) - 1
    load.seconds = time.perf_counter() - started
    return load


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    made = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setblocking(False)
    return made


def _next(url: str, line: _Line, chooser: selectors.BaseSelector, requests: Iterator[bytes], until: float) -> int:
    """Begin the next request on this line; 1 if there was one, 0 if the line is done."""
    request = next(requests, None) if time.perf_counter() < until else None
    if request is None:
        line.socket.close()
        return 0
    line.request, line.sent_at = request, time.perf_counter()
    _begin(line, chooser)
    return 1


def _begin(line: _Line, chooser: selectors.BaseSelector) -> None:
    line.left, line.heard = memoryview(line.request), bytearray()
    chooser.register(line.socket, selectors.EVENT_WRITE, line)
    _send(line, chooser)


def _send(line: _Line, chooser: selectors.BaseSelector) -> None:
    try:
        while line.left:
            line.left = line.left[line.socket.send(line.left) :]
    except BlockingIOError:
        return
    except OSError:
        pass  # the server closed: reading tells
    chooser.modify(line.socket, selectors.EVENT_READ, line)


def _receive(url: str, line: _Line, chooser: selectors.BaseSelector, load: Load) -> int:
    """The status when the answer is whole, else 0."""
    try:
        piece = line.socket.recv(1 << 18)
    except BlockingIOError:
        return 0
    except OSError:
        piece = b""
    if not piece:
        load.sent_again += 1
        _reconnect(url, line, chooser)
        return 0
    line.heard += piece
    end = line.heard.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = bytes(line.heard[:end]).lower()
    at = head.index(b"content-length:") + len(b"content-length:")
    length = int(head[at:].split(b"\r\n", 1)[0])
    return int(head[9:12]) if len(line.heard) >= end + 4 + length else 0


def _reconnect(url: str, line: _Line, chooser: selectors.BaseSelector) -> None:
    chooser.unregister(line.socket)
    line.socket.close()
    line.socket = _connect(url)
    _begin(line, chooser)
