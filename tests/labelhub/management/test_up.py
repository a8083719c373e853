"""`up` on a real host: behind a proxy, under a name of its own."""

import os
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

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
