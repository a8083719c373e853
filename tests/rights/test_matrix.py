"""Every route, every method, everybody: the table in matrix.txt against the site.

What is not allowed is refused in one way for each area. Pages of a project: sign-in for nobody, 404 for all others. API:
401 for nobody, 404 for who has nothing to do with the project, 403 where only the right or the scope lacks. Admin:
sign-in for whom it is not open, 404 for rows out of sight, 403 for acts that one may not do.
"""

import logging
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from tests.rights.routes import Row, opens, patterns, read_table
from tests.rights.world import UNKNOWN, Actor, Place, make_actors, make_place

pytestmark = pytest.mark.django_db
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
ROWS = read_table()
MEMBERS = {"expert", "moderator", "admin"}
PLACEHOLDER = re.compile(r"<(?:\w+):(\w+)>")
MAY_BE_DOWN = {
    "v1/chat/completions",
    "health/worker",
    "api/v1/snapshots/",
    "api/v1/runs/",
    "api/v1/promotions/",
}  # here are no models and no worker
NAMES = {"api/v1/suites/<slug:slug>/cases/"}  # a name that one gives, not a row that somebody has
SLOW = {"api/schema/", "api/docs/"}  # they walk through the whole API each time
CLOCKS = {"X-Request-ID", "Expires", "Location"}  # differ each time; the address repeats what was asked for
SENDS_ON = {"admin/login/", "accounts/login/code/confirm/"}
ODD = {  # patterns that are regular expressions, as addresses
    "admin/^(?P<app_label>labelhub|annotations|training)/$": "admin/labelhub/",
    "admin/(?P<url>.*)$": "admin/nothing/",
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": "accounts/confirm-email/abc/",
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "accounts/password/reset/key/1-set-x/",
}


class World:
    def __init__(self) -> None:
        self.mine, self.theirs = make_place("mine", 1), make_place("theirs", 70)
        self.actors = make_actors(self.mine)
        self.clients = {actor.name: client_of(actor) for actor in self.actors}

    def some(self, count: Any) -> list[Actor]:
        """Everybody in `make verify`; else all people, and of the keys those that differ most."""
        few = {"admin's key of every scope", "label key", "a service's ingest key", "key of one who left"}
        return [actor for actor in self.actors if count(not actor.key or actor.name in few, True)]

    def ask(self, actor: Actor, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response; whatever the request changed is taken back."""
        more: dict[str, Any] = {"QUERY_STRING": path.partition("?")[2]}
        if method in {"POST", "PUT", "PATCH", "DELETE"}:
            data = body if body is not None else {}
            json_wanted = path.startswith(("/api/", "/v1/"))
            more |= {"data": data, "content_type": "application/json"} if json_wanted else {}
        more["headers"] = {**headers, **({"Authorization": f"Bearer {actor.key}"} if actor.key else {})}
        client = self.clients[actor.name]
        cookies = client.cookies.copy()
        with transaction.atomic():
            response = getattr(client, method.lower())(path.partition("?")[0], **more)
            transaction.set_rollback(True)
        client.cookies = cookies
        return response


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, hashed_static: None) -> Iterator[World]:
    logging.disable(logging.CRITICAL)  # thousands of refusals
    elsewhere = override_settings(LABELHUB_CHAT_URL="http://127.0.0.1:9/v1")
    with django_db_blocker.unblock(), elsewhere, transaction.atomic():
        yield World()
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)


def client_of(actor: Actor) -> Client:
    client = Client(raise_request_exception=False)
    if actor.signed_in and actor.person:
        client.force_login(actor.person)
    return client


def address(pattern: str, place: Place, role: str, *, slug: str = "", other: Any = None) -> str:
    """The route's address with the ids of `place`, or with `other` as the id of the row."""
    path = ODD.get(pattern, pattern)
    if path.startswith("p/"):
        path = path.replace("<slug:slug>", slug or place.project.slug, 1)
    if match := PLACEHOLDER.search(path):
        found = place.id_for(path, role if role in MEMBERS else "admin") if other is None else other
        path = path.replace(match[0], str(found))
    query = f"?project={slug or place.project.slug}" if path.startswith("api/v1/") else ""
    return f"/{path}{query}"


def body_for(pattern: str, place: Place) -> dict[str, Any]:
    """Where a body names a row, or where a right is asked for after the body was understood."""
    return {
        "api/v1/queues/": {"slug": "new", "name": "New"},
        "api/v1/decisions/": {"session": place.ids["session"], "kind": "dismiss", "reason": "noise"},
        "api/v1/runs/": {"snapshot": place.first, "reason": "why not"},
        "api/v1/promotions/": {"version": place.first},
        "v1/chat/completions": {"model": "base", "messages": []},
    }.get(pattern, {})


def has_row_id(row: Row) -> bool:
    rest = row.pattern.removeprefix("p/<slug:slug>/")
    return bool(PLACEHOLDER.search(rest)) and row.pattern not in NAMES


def looked_up(row: Row) -> bool:
    """The admin's short addresses lead on to the change page without looking whether there is such a row."""
    return has_row_id(row) and not row.pattern.endswith("<path:object_id>/")


def may(row: Row, method: str, actor: Actor) -> bool:
    if actor.key and (row.area not in {"api", "gateway"} or not row.scope):
        return "everybody" in row.who
    if actor.key:
        return opens(row, actor.scopes) and (actor.role in row.who or actor.role == "service")
    if row.area == "gateway":
        return False
    signed_in, role = actor.person is not None, actor.role or "anon"
    if row.area == "admin" and role == "stranger" and not looked_up(row):
        role = "admin"  # of another project: the same pages, other rows
    return bool(row.who & {"everybody", role}) or ("people" in row.who and signed_in)


def outcome(response: Any) -> str:
    """What became of a request, in a word."""
    status, target = response.status_code, response.headers.get("Location", "")
    if status == 302 and target.startswith(("/accounts/login/", "/admin/login/")):
        return "sign in"
    return {401: "401", 403: "403", 404: "404", 405: "405"}.get(status, "in" if status < 500 else f"broken {status}")


def expected(row: Row, method: str, actor: Actor) -> set[str]:
    """The outcomes that are right for `method` on the row's address; the row allows the method."""
    if may(row, method, actor):
        down = {"broken 503", "broken 502"} if row.pattern in MAY_BE_DOWN else set()
        return (
            {"in"}
            | down
            | ({"404"} if row.pattern in ODD and "open" in row.area else set())
            | ({"sign in"} if row.pattern in SENDS_ON else set())
        )
    return {REFUSED[row.area](row, actor)}


def refused_page(row: Row, actor: Actor) -> str:
    return "404" if actor.signed_in else "sign in"


def refused_api(row: Row, actor: Actor) -> str:
    if actor.name == "anon":
        return "401"
    if actor.role in {"stranger", "operator", "outsider"}:
        return "403" if actor.key and not opens(row, actor.scopes) else "404"
    return "403"


def refused_gateway(row: Row, actor: Actor) -> str:
    return "403" if actor.key else "401"


def refused_admin(row: Row, actor: Actor) -> str:
    if row.pattern == "admin/login/":
        return "sign in" if actor.key else "403"
    if not actor.signed_in or actor.role not in {"admin", "operator", "stranger"}:
        return "sign in" if row.pattern != "admin/logout/" else "in"
    if "url>" in row.pattern or (actor.role == "operator" and row.pattern.endswith("/freeze/")):
        return "404"
    sees_people = actor.role == "operator" and "/user/" in row.pattern
    return "403" if actor.role == "admin" or not has_row_id(row) or sees_people else "404"


REFUSED = {
    "project": refused_page, "api": refused_api, "gateway": refused_gateway, "admin": refused_admin,
    "open": lambda row, actor: "sign in",
}  # fmt: skip


def wrong(row: Row, method: str, actor: Actor) -> set[str]:
    """The outcomes of a method that no line of the route names: 405, or first of all who one is."""
    if method == "OPTIONS" and row.pattern.startswith(("api/v1/", "api/schema/")):
        return {"401"} if actor.name == "anon" and row.area == "api" else {"in"}
    if method == "TRACE" or (row.area != "api" and method not in {"GET", "HEAD", "POST"}):
        return {"405"}
    if row.area == "api":
        return {"401"} if actor.name == "anon" else {"405"}
    outside = row.area == "admin" and not (actor.signed_in and actor.role in {"admin", "operator", "stranger"})
    return {"sign in", "in"} if outside else {"405"}


@pytest.mark.bar("S3", "rights-matrix")
def test_every_route_has_a_line_and_every_line_a_route():
    assert sorted(set(patterns()) - {row.pattern for row in ROWS}) == [], "a new route: say in matrix.txt who may"
    assert sorted({row.pattern for row in ROWS} - set(patterns())) == [], "this route is gone: take its line out"
    named = [(row.pattern, method) for row in ROWS for method in row.methods]
    assert len(named) == len(set(named))


@pytest.mark.bar("S3", "3a-58", "rights-matrix")
def test_everybody_gets_what_the_table_says_and_nothing_else(world, count):
    found = []
    for row in ROWS:
        for actor in world.actors:
            if actor.key and row.area not in {"api", "gateway"} and not actor.name.startswith(count("admin's", "")):
                continue  # pages know no keys: one of them stands for all
            if row.pattern in SLOW and actor.name not in count(
                {"anon", "admin"}, {other.name for other in world.actors}
            ):
                continue
            path = address(row.pattern, world.mine, actor.role)
            path = path.partition("?")[0] if actor.key else path
            for method in sorted(row.methods):
                response = world.ask(actor, method, path, body_for(row.pattern, world.mine))
                if outcome(response) not in expected(row, method, actor):
                    found.append((actor.name, method, path, outcome(response), expected(row, method, actor)))
    assert found == []


@pytest.mark.bar("S3", "3a-66")
def test_a_method_that_no_line_names_is_405_for_everybody_who_is_let_in(world, count):
    named: dict[str, set[str]] = {}
    for row in ROWS:
        named.setdefault(row.pattern, set()).update(row.methods, {"HEAD"} if "GET" in row.methods else set())
    cases = [
        (row, method, actor)
        for row in {row.pattern: row for row in ROWS}.values()
        for method in METHODS
        for actor in world.actors
        if method not in named[row.pattern]
    ]
    seed = int(os.environ.get("LABELHUB_SEED") or 7)
    found = []
    for row, method, actor in random.Random(seed).sample(cases, min(len(cases), count(800, len(cases)))):
        path = address(row.pattern, world.mine, actor.role)
        path = path.partition("?")[0] if actor.key else path
        result = outcome(world.ask(actor, method, path))
        if result not in wrong(row, method, actor):
            found.append((actor.name, method, path, result, wrong(row, method, actor)))
    assert found == []


@pytest.mark.bar("S3", "3a-57")
def test_what_is_not_yours_is_as_if_it_were_not_there(world, count):
    """A foreign id in one's own project: the answer, its headers and the number of queries are those of an unknown id."""
    found = []
    for row in ROWS:
        foreign = world.theirs.id_for(row.pattern, "admin") if looked_up(row) else None
        for actor in world.some(count) if foreign is not None else []:
            everybodys = actor.role == "operator" and "/user/" in row.pattern  # people belong to no project
            if everybodys or (row.area != "api" and not actor.signed_in):
                continue
            for method in sorted(row.methods):
                told = [
                    answer(world, actor, method, address(row.pattern, world.mine, actor.role, other=other))
                    for other in (foreign, UNKNOWN if isinstance(foreign, int) else "unknown")
                ]
                refused = {"404"} if may(row, method, actor) else {"404", "403", "401", "sign in"}
                if told[0] != told[1] or told[0]["outcome"] not in refused:
                    found.append((actor.name, method, row.pattern, told))
    assert found == []


@pytest.mark.bar("S3", "3a-57")
def test_a_foreign_project_is_as_if_it_were_not_there(world, count):
    """A foreign slug, with ids of either project: the answer is that of a slug which nobody has."""
    found = []
    for row in ROWS:
        if row.area not in {"project", "api"}:
            continue
        for actor in world.some(count):
            for method in sorted(row.methods):
                told = [
                    answer(world, actor, method, address(row.pattern, place, actor.role, slug=slug))
                    for place, slug in ((world.theirs, "theirs"), (world.mine, "theirs"), (world.mine, "nobodys"))
                ]
                refused = {"sign in", "401"} if actor.name == "anon" or not actor.person else {"404"}
                refused |= {"sign in"} if actor.key and row.area == "project" else set()
                refused |= {"404"} if actor.key else set()
                if not (told[0] == told[1] == told[2]) or told[0]["outcome"] not in refused:
                    found.append((actor.name, method, row.pattern, told))
    assert found == []


NAMED_IN_BODIES = [
    ("api/v1/decisions/", lambda place: {"session": place.ids["session"], "kind": "dismiss", "reason": "noise"}),
    ("api/v1/runs/", lambda place: {"snapshot": place.first, "reason": "why not"}),
    ("api/v1/promotions/", lambda place: {"version": place.first}),
    ("api/v1/snapshots/", lambda place: {"parent": place.first}),
]


@pytest.mark.bar("3a-57")
@pytest.mark.parametrize(("pattern", "body"), NAMED_IN_BODIES)
def test_a_foreign_id_in_a_body_is_unknown_too(world, pattern, body):
    admin = next(actor for actor in world.actors if actor.name == "admin")
    unknown = {name: 60_000 if isinstance(value, int) else value for name, value in body(world.theirs).items()}
    told = [answer(world, admin, "POST", f"/{pattern}?project=mine", data) for data in (body(world.theirs), unknown)]
    assert told[0] == told[1]
    assert told[0]["outcome"] == "404"


def answer(world: World, actor: Actor, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """All that somebody could tell two answers apart by, but the clock."""
    path = path.partition("?")[0] if actor.key and "project=mine" in path else path
    connection.queries_log.clear()
    with CaptureQueriesContext(connection) as queries:
        response = world.ask(actor, method, path, body)
    headers = {name: value for name, value in response.headers.items() if name not in CLOCKS}
    text = re.sub(r'(csrf-token" content|csrfmiddlewaretoken" value)="\w+"', "", response.content.decode())
    text = re.sub(r"/p/[\w-]+/", "/p/…/", text)
    asked = [query for query in queries.captured_queries if "labelhub_keyuse" not in query["sql"]]  # counts requests
    return {"outcome": outcome(response), "headers": headers, "text": text, "queries": len(asked)}
