"""What only shows with the real server: cut connections, bodies without a length, many at once in several processes."""

import http.client
import itertools
import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from annotations.capture.models import Feedback, Interaction
from tests.factories import make_key, make_project
from tests.stack import running_stack

MIB = 1024 * 1024
LIMIT = 60
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(django_db_blocker):
    with (
        django_db_blocker.unblock(),
        running_stack(inference=False, LABELHUB_KEY_REQUESTS_PER_MINUTE=str(LIMIT)) as site,
    ):
        yield site


@pytest.fixture
def key(site):
    with site.database():
        return make_key(make_project(), "ingest", "feedback")


def item():
    n = next(_numbers)
    return {"external_id": f"wire-{n}", "messages": [{"role": "user", "content": "Hi"}], "output": f"Answer {n}."}


def post(site, key, body, *, chunked=False, path="/api/v1/interactions/", **more):
    line = http.client.HTTPConnection(urlsplit(site.web).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **more}
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536)) if chunked else body
    line.request("POST", path, pieces, headers, encode_chunked=chunked)
    answer = line.getresponse()
    return answer, json.loads(answer.read())


@pytest.mark.bar("3a-3")
def test_a_connection_cut_before_the_answer_costs_nothing_the_retry_returns_the_first_id(site, key):
    body = json.dumps(item() | {"external_id": "cut"}).encode()
    parts = urlsplit(site.web)
    with socket.create_connection((parts.hostname, parts.port)) as line:
        head = f"POST /api/v1/interactions/ HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)  # and nobody listens
    with site.database():
        stored = site.wait(
            lambda: Interaction.objects.filter(external_id="cut").first(), seconds=20, what="it is stored"
        )
        first = stored.pk
    answer, told = post(site, key, body)
    assert (answer.status, told["id"]) == (200, first)


@pytest.mark.bar("3a-4")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_a_byte_over_five_megabytes_is_413_with_and_without_a_length(site, key, chunked):
    body = b'["' + b"x" * (5 * MIB - 3) + b'"]'
    answer, told = post(site, key, body, chunked=chunked)
    assert (answer.status, answer.headers["Content-Type"], told["code"]) == (
        413,
        "application/problem+json",
        "too_large",
    )


def test_a_body_without_a_length_is_read_as_any_other(site, key):
    sent = json.dumps(item()).encode()
    first, told = post(site, key, sent, chunked=True)
    again, told_again = post(site, key, sent)
    assert (first.status, again.status, told) == (201, 200, told_again)
    empty, _ = post(site, key, b"", chunked=True)
    assert empty.status == 400


@pytest.mark.bar("3a-16", "S11")
def test_of_a_burst_over_several_processes_exactly_the_limit_passes_and_all_that_passed_is_stored(site, count):
    for _ in range(2):  # once more if the minute ended on the way
        with site.database():
            project = make_project()
            key = make_key(project, "feedback")
        answers = _burst(site, key, count(200, 13 * LIMIT))
        with site.database():
            stored = set(Feedback.objects.filter(project=project).values_list("external_id", flat=True))
        acknowledged = {name for name, status, _ in answers if status == 201}
        assert acknowledged == stored
        if len(stored) == LIMIT:
            break
    statuses = Counter(status for _, status, _ in answers)
    assert statuses == {201: LIMIT, 429: len(answers) - LIMIT}
    assert all(1 <= int(wait) <= 60 for _, status, wait in answers if status == 429)


def _burst(site, key, n):
    def send(number):
        sign = {"external_id": f"burst-{number}", "interaction": "i", "kind": "copy"}
        forged = {"X-Forwarded-For": f"203.0.113.{number % 250}"}
        answer, _ = post(site, key, json.dumps(sign).encode(), path="/api/v1/feedback/", **forged)
        return sign["external_id"], answer.status, answer.headers["Retry-After"]

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(send, range(n)))
