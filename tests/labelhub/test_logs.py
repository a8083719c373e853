"""What a log line, a 500 page and a refused form give away, whatever words they are about."""

import logging
import re
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from labelhub.logs import BESIDE, OneLine, escaped
from labelhub.people.models import User
from tests.factories import make_member, make_project, make_queue
from tests.stack import CHECKOUT, Stack

FAKE = "2026-11-21 09:30:00,000 CRITICAL labelhub All keys were given away"
HOSTILE = [
    f"a\n{FAKE}", f"a\r\n{FAKE}", f"a\r{FAKE}", f"a\u2028{FAKE}", f"a\x85{FAKE}", f"a\x0b{FAKE}",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07", "\x9b31m", "\x00\x08\x7f", "\u202etxt.exe", "\u200b\ufeff", "\ud800",
    f"a\nTraceback (most recent call last):\n{FAKE}",
]  # fmt: skip
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff\ud800-\udfff]")
LINE = OneLine("%(asctime)s %(levelname)s %(name)s %(message)s")


def logged(message: str, *arguments: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    return LINE.format(logging.LogRecord("labelhub", logging.ERROR, __file__, 1, message, arguments, info))


def raised(words: str) -> BaseException:
    """An exception with these words, raised from another one with the same."""
    try:
        try:
            raise ValueError(words)
        except ValueError as error:
            raise RuntimeError(words) from error
    except RuntimeError as error:
        return error


@pytest.mark.bar("3a-68")
@pytest.mark.parametrize("words", HOSTILE)
def test_a_message_stays_one_line_without_control_characters(words: str) -> None:
    line = logged("refused: %s", words)
    assert len(line.splitlines()) == 1
    assert not CONTROL.search(line)


@pytest.mark.bar("3a-68")
@pytest.mark.parametrize("words", HOSTILE)
def test_an_exceptions_words_forge_no_line_inside_a_traceback(words: str) -> None:
    first, *rest = logged("it broke", error=raised(words)).split("\n")
    assert first.endswith("ERROR labelhub it broke")
    assert any("Traceback (most recent call last):" in line for line in rest)
    assert all(line.startswith(BESIDE) for line in rest)
    assert not any(CONTROL.search(line) for line in rest)


@pytest.mark.bar("3a-68")
@given(st.text())
def test_whatever_is_logged_begins_one_line_and_only_one(words: str) -> None:
    text = logged("%s", words, error=raised(words))
    assert sum(not line.startswith(BESIDE) for line in text.splitlines()) == 1
    assert escaped(words).isprintable()


def test_plain_words_of_any_script_are_logged_as_they_are() -> None:
    assert logged("naïve 灯笼 🏔 C:\\new").endswith("naïve 灯笼 🏔 C:\\new")


def test_an_argument_that_cannot_be_shown_does_not_stop_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(LINE)
    handler.emit(logging.LogRecord("labelhub", logging.INFO, __file__, 1, "%s", ("\ud800",), None))
    assert "\\ud800" in capsys.readouterr().err


@pytest.mark.bar("3a-68")
def test_no_program_of_the_site_prints_a_clients_control_characters(bare_stack: Stack) -> None:
    before = len(bare_stack.log)
    for port in (int(bare_stack.web.rpartition(":")[2]), int(bare_stack.gateway.rpartition(":")[2])):
        for path in ("/nothing/%0a%0d" + FAKE.replace(" ", "%20") + "%1b[31m", "/nothing/\x1b[31m", "/\r" + FAKE):
            with socket.create_connection(("127.0.0.1", port), 5) as line:
                line.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-\x1b[31m: a\r\nConnection: close\r\n\r\n".encode()
                )
                line.recv(1000)
            with socket.create_connection(("127.0.0.1", port), 5) as line:
                line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                line.recv(1000)
    bare_stack.wait(lambda: "CRITICAL" in bare_stack.log[before:], seconds=10, what="the attempt is logged")
    lines = [line for line in bare_stack.log[before:].split("\n") if "CRITICAL" in line]
    assert not CONTROL.search(bare_stack.log[before:])
    assert not any(line.startswith(FAKE) for line in lines), lines
    assert any(re.search(r"\[request [0-9a-f]{16}\]$", line) for line in lines), lines


BREAKS = """
import logging, sys
from labelhub import embedded
embedded.ensure_running()
import django
django.setup()
try:
    raise ValueError(sys.argv[1])
except ValueError:
    logging.getLogger("annotations.capture").exception("it broke on %s", sys.argv[1])
"""


@pytest.mark.bar("3a-68")
def test_a_process_of_its_own_logs_the_same_way() -> None:
    words = f"a\n{FAKE}\x1b[31m"
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, words], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    first, *rest = done.stderr.rstrip("\n").split("\n")
    assert "it broke on a\\x0a2026" in first
    assert rest
    assert all(line.startswith(BESIDE) for line in rest)
    assert "\x1b" not in done.stderr


@pytest.fixture
def breaking(db: None, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A signed-in person whose home breaks with the words of a customer in the exception."""

    def memberships(*_: object) -> None:
        raise ValueError(f"prompt was <script>alert(1)</script>\n{FAKE}")

    client = Client(raise_request_exception=False)
    client.force_login(make_member(make_project()))
    monkeypatch.setattr("training.loop.views.entries", memberships)
    return SimpleNamespace(client=client)


@pytest.mark.bar("3a-69")
def test_a_500_page_tells_its_number_and_nothing_else(
    breaking: SimpleNamespace, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    answer = breaking.client.get("/", headers={"X-Request-ID": "forged"})
    page = answer.content.decode()
    number = answer.headers["X-Request-ID"]
    assert answer.status_code == 500
    assert re.fullmatch("[0-9a-f]{16}", number)
    assert number in page
    for secret in (
        "Traceback",
        "ValueError",
        "prompt was",
        "alert(1)",
        ".py",
        "SECRET_KEY",
        "labelhub.settings",
        "psycopg",
    ):
        assert secret not in page
    assert settings.SECRET_KEY not in page  # type: ignore[attr-defined]
    record = next(record for record in caplog.records if record.levelname == "ERROR")
    assert record.request.request_id == number  # type: ignore[attr-defined]
    lines = LINE.format(record).split("\n")
    assert lines[0].endswith(f"[request {number}]")
    assert all(line.startswith(BESIDE) for line in lines[1:])


@pytest.mark.bar("3a-69")
def test_a_500_of_the_api_tells_its_number_and_nothing_else(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("prompt was secret")

    member, project = make_member(project := make_project()), project
    monkeypatch.setattr("annotations.review.api.work.progress", broken)
    make_queue(project)
    client = Client(raise_request_exception=False)
    client.force_login(member)
    answer = client.get(f"/api/v1/queues/?project={project.slug}")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body.pop("request_id") == answer.headers["X-Request-ID"]
    assert body == {
        "type": "about:blank", "status": 500, "code": "broken", "detail": "Something broke on our side. It is in the log.",
    }  # fmt: skip


def test_every_answer_carries_a_number_of_its_own(client: Client, db: None) -> None:
    numbers = {
        client.get(path).headers["X-Request-ID"] for path in ("/", "/nothing/", "/health/live", "/api/v1/queues/")
    }
    assert len(numbers) == 4
    assert User.objects.count() == 0
