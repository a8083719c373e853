"""`up` on a real host: behind a proxy, under a name of its own."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from labelhub.management.commands.up import answers
from labelhub.management.programs import Addresses
from tests.stack import create_database, drop_database, running_stack

HOST = "labelhub.example"


@pytest.fixture
def database_url():
    """A database of our own, named as one that nobody embeds."""
    name = f"test_labelhub_public_{os.getpid()}"
    create_database(name)
    parts = urlsplit(os.environ["DATABASE_URL"])
    query = "&".join(part for part in parts.query.split("&") if not part.startswith(("embedded", "template")))
    yield urlunsplit(parts._replace(path=f"/{name}", query=query))
    drop_database(name)


@pytest.mark.bar("R7")
def test_a_site_with_a_name_of_its_own_becomes_ready_and_answers_probes_over_plain_http(
    database_url, django_db_blocker, monkeypatch
):
    monkeypatch.setattr("tests.stack.START_S", 60)
    with (
        django_db_blocker.unblock(),
        running_stack(inference=False, database_url=database_url, ALLOWED_HOSTS=HOST, DEBUG="0") as site,
    ):
        assert site.facts["ready"]
        for probe in ("live", "ready", "worker"):
            assert httpx.get(f"{site.web}/health/{probe}", headers={"Host": HOST}).status_code == 200
        page = httpx.get(f"{site.web}/accounts/login/", headers={"Host": HOST})
        assert (page.status_code, page.headers["Location"]) == (301, f"https://{HOST}/accounts/login/")
        assert httpx.get(f"{site.web}/accounts/login/", headers={"Host": "evil.example"}).status_code == 400


@pytest.fixture
def neighbour():
    """Pages and inference behind one port, as far as it matters: the latter is asked by a name of this machine only."""

    class Neighbour(BaseHTTPRequestHandler):
        def do_GET(self):
            name, over = self.headers["Host"].partition(":")[0], self.headers["X-Forwarded-Proto"]
            asked[self.path] = (name, over)
            self.send_response(400 if self.path == "/health" and name != "127.0.0.1" else 200)
            self.end_headers()

        def log_message(self, *_):
            """Nobody reads it."""

    asked = {}
    with HTTPServer(("127.0.0.1", 0), Neighbour) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


def test_pages_are_asked_by_the_sites_name_and_inference_by_the_name_that_it_trusts(neighbour, settings):
    settings.ALLOWED_HOSTS = [HOST]
    port, asked = neighbour
    assert answers(Addresses("127.0.0.1", web=port, gateway=0, inference=port))
    as_by_the_proxy = (HOST, "https")
    assert asked == {
        "/health/ready": as_by_the_proxy, "/health/worker": as_by_the_proxy, "/health": ("127.0.0.1", None),
    }  # fmt: skip
    assert not answers(Addresses("127.0.0.1", web=port, gateway=0, inference=1))
