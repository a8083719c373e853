"""What every response carries, on every route and with every status, from every door."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection, transaction
from django.test import Client

from tests.factories import make_key, make_project, make_user
from tests.rights.routes import read_table
from tests.rights.test_matrix import World, address, body_for

pytestmark = [pytest.mark.django_db, pytest.mark.bar("S6", "3a-54", "headers")]
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
    "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip
ALWAYS = {
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY",
}  # fmt: skip


def complaints(response: Any, *, private: bool = True) -> list[str]:
    """What is missing from a response, or too lax in it."""
    found = [
        f"{name} is {response.headers.get(name)}"
        for name, value in ALWAYS.items()
        if response.headers.get(name) != value
    ]
    policy = response.headers.get("Content-Security-Policy", "")
    if {part.strip() for part in policy.split(";")} != POLICY:
        found.append(f"CSP is {policy}")
    if private:
        if "no-store" not in response.headers.get("Cache-Control", ""):
            found.append(f"Cache-Control is {response.headers.get('Cache-Control')}")
        if "HX-Request" not in response.headers.get("Vary", ""):
            found.append(f"Vary is {response.headers.get('Vary')}")
    for cookie in response.cookies.values():
        if cookie["max-age"] != 0 and not (
            cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and not cookie["domain"]
        ):
            found.append(f"cookie {cookie.key} is {cookie.OutputString().partition(';')[2]}")
    return found


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_every_route_carries_them_with_whatever_status(hashed_static, settings):
    settings.LABELHUB_CHAT_URL = "http://127.0.0.1:9/v1"
    world, found, seen = World(), [], set()
    wanted = {"anon", "stranger", "admin", "admin's key of every scope", "ingest key"}
    for row in read_table():
        for actor in world.actors:
            speaks = actor.key if row.area in {"api", "gateway"} else not actor.key
            if actor.name not in wanted or not (speaks or actor.name == "anon"):
                continue
            path = address(row.pattern, world.mine, actor.role)
            for method in sorted(row.methods | {"PUT", "TRACE"}):
                fragment = {"HX-Request": "true"} if row.area == "project" and actor.name == "admin" else {}
                response = world.ask(actor, method, path, body_for(row.pattern, world.mine), **fragment)
                seen.add(response.status_code)
                if wrong := complaints(response):
                    found.append((method, row.pattern, actor.name, response.status_code, wrong))
    assert found == []
    assert seen >= {200, 201, 204, 302, 400, 401, 403, 404, 405, 422, 503}


REFUSED_EARLY = {
    "an unknown page": ("/nothing/here", {}, 404),
    "an unknown address of the API": ("/api/v1/nothing/", {}, 404),
    "a slash too few": ("/me", {}, 301),
    "an unknown host": ("/", {"Host": "evil.example"}, 400),
    "a host that is none": ("/api/v1/labels/", {"Host": "a b"}, 400),
    "an unknown host of a file": ("/static/nothing.css", {"Host": "evil.example"}, 400),
    "a method of one's own": ("/", {}, 405),
    "a static file that is not there": ("/static/nothing.css", {}, 404),
    "a path out of the static files": ("/static/../manage.py", {}, 404),
}


@pytest.mark.parametrize("what", REFUSED_EARLY)
def test_what_is_refused_before_a_view_carries_them_too(hashed_static, what):
    path, headers, status = REFUSED_EARLY[what]
    client = Client(raise_request_exception=False)
    response = client.generic("BREW" if what == "a method of one's own" else "GET", path, headers=headers)
    assert response.status_code == status
    assert complaints(response, private=not path.startswith("/static/")) == []


def test_a_post_without_the_token_carries_them(hashed_static):
    client = Client(enforce_csrf_checks=True)
    for headers in ({}, {"Origin": "https://evil.example"}, {"HX-Request": "true"}):
        response = client.post("/accounts/login/", {"login": "a@b.example"}, headers=headers)
        assert response.status_code == 403
        assert complaints(response) == []


def test_static_files_carry_them_and_may_be_kept(hashed_static):
    for name in ("css/app.css", "js/app.js", "img/mark.svg", "admin/css/base.css", "django_htmx/htmx-2.min.js"):
        response = Client().get(staticfiles_storage.url(name))
        assert response.status_code == 200, name
        assert complaints(response, private=False) == []
        assert "immutable" in response["Cache-Control"]


FAULTS = {
    503: "CREATE VIEW {0} AS SELECT g.* FROM gone_{0} g, (SELECT pg_sleep(5)) late; SET LOCAL statement_timeout = 30",
    500: "SELECT 1",  # the table is gone: a release without its migration
}


@pytest.mark.bar("3a-69")
@pytest.mark.parametrize("path", ["/", "/me/", "/admin/", "/p/mine/triage/", "/api/v1/labels/", "/v1/models"])
@pytest.mark.parametrize("status", FAULTS)
def test_what_breaks_carries_them_and_says_nothing(hashed_static, path, status):
    """A database that does not answer in time, and one that answers with a fault."""
    key = make_key(make_project(), "read", "inject")
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {key}"})
    client.force_login(make_user())
    table = "labelhub_apikey" if "v1" in path else "django_session"
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {table} RENAME TO gone_{table}")
        cursor.execute(FAULTS[status].format(table))
    with transaction.atomic():
        response = client.get(path)
        transaction.set_rollback(True)
    assert response.status_code == status
    assert ("Retry-After" in response.headers) == (status == 503)
    assert not {word for word in ("Traceback", table, "psycopg") if word in response.content.decode()}
    assert complaints(response) == []


PUBLIC = """
import json, django; django.setup()
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
told = {}
def tell(name, response):
    told[name] = {"status": response.status_code, "headers": dict(response.headers),
                  "cookies": {key: cookie.OutputString() for key, cookie in response.cookies.items()}}
with transaction.atomic():
    person = get_user_model().objects.create_user("p@labelhub.example", "correct horse battery staple")
    client = Client(headers={"host": "labelhub.example"}, raise_request_exception=False)
    tell("plain http", client.get("/accounts/login/"))
    tell("plain probe", client.get("/health/live"))
    tell("unknown host", client.get("/accounts/login/", headers={"host": "evil.example"}))
    tell("sign-in page", client.get("/accounts/login/", secure=True))
    tell("signed in", client.post("/accounts/login/", {"login": person.email, "password": "correct horse battery staple"}, secure=True))
    tell("saved", client.post("/me/", {"name": "Ada", "time_zone": "UTC", "theme": "dark"}, secure=True))
    tell("signed out", client.post("/accounts/logout/", secure=True))
    transaction.set_rollback(True)
print(json.dumps(told))
"""


def test_on_a_public_host_cookies_belong_to_it_alone_and_plain_http_is_sent_away():
    """The settings of a real host, in a process of their own, on this test's database."""
    import json

    from django.conf import settings

    parts = urlsplit(os.environ["DATABASE_URL"])
    query = "&".join(part for part in parts.query.split("&") if not part.startswith(("embedded", "template")))
    url = urlunsplit(parts._replace(path="/" + settings.DATABASES["default"]["NAME"], query=query))
    environment = {**os.environ, "DATABASE_URL": url, "ALLOWED_HOSTS": "labelhub.example", "DEBUG": "0"}
    environment["DJANGO_SETTINGS_MODULE"] = "labelhub.settings"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", PUBLIC], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["plain http"]["headers"]["Location"].startswith("https://labelhub.example/")
    assert told["plain probe"]["status"] == 200
    assert told["unknown host"]["status"] == 400
    assert told["signed in"]["status"] == 302
    names = set()
    for name, answer in told.items():
        assert all(answer["headers"].get(header) == value for header, value in ALWAYS.items()), name
        assert {part.strip() for part in answer["headers"]["Content-Security-Policy"].split(";")} == POLICY, name
        if name not in {"plain http", "plain probe", "unknown host"}:
            assert answer["headers"]["Strict-Transport-Security"].startswith("max-age=31536000")
        for cookie, text in answer["cookies"].items():
            names.add(cookie)
            assert cookie.startswith("__Host-"), cookie
            assert "Path=/" in text
            assert "Secure" in text
            assert "Domain" not in text
            if "Max-Age=0" not in text:
                assert "HttpOnly" in text
                assert "SameSite=Lax" in text
    assert names == {"__Host-labelhub_session", "__Host-labelhub_csrf", "__Host-labelhub_messages"}
