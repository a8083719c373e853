"""Moderators change by what is judged, on two pages and over the API; what was judged stays pinned to its version."""

from typing import Any

import pytest
from django.test import Client

from labelhub.projects.actions import save_guidelines
from labelhub.projects.models import Project
from labelhub.projects.outline import Entry, read_outline, write_outline
from labelhub.projects.rights import Role
from tests.factories import make_label, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
NESTED = "unsafe | Unsafe\n  dose | Wrong dose | An amount that harms.\nother | Other"


@pytest.fixture
def project() -> Project:
    return make_project(slug="fern")


@pytest.fixture
def moderator(project: Project, client: Client) -> Client:
    client.force_login(make_member(project, Role.MODERATOR))
    return client


def ask(client: Client, method: str, path: str, body: dict[str, object] | None = None) -> Any:
    return getattr(client, method)(f"/api/v1/{path}/?project=fern", body, content_type="application/json")


def test_an_outline_becomes_the_next_version_and_stands_in_the_page_again(project: Project, moderator: Client) -> None:
    label = make_label(make_task(make_queue(project)), by=make_member(project))
    answer = moderator.post("/p/fern/taxonomy/", {"text": NESTED.replace("\n", "\r\n"), "after": "1"})
    assert answer.status_code == 302
    assert project.taxonomy.version == 2
    assert write_outline(project.taxonomy.entries) == NESTED
    assert "  dose | Wrong dose" in moderator.get("/p/fern/taxonomy/").content.decode()
    label.refresh_from_db()
    assert label.taxonomy.version == 1


def test_what_makes_no_taxonomy_stays_as_it_was_typed(project: Project, moderator: Client) -> None:
    answer = moderator.post("/p/fern/taxonomy/", {"text": "no short name", "after": "1"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "small letters" in page
    assert "no short name</textarea>" in page
    assert project.taxonomy.version == 1


@pytest.mark.parametrize(("page", "text"), [("taxonomy", NESTED), ("guidelines", "Be fair.")])
def test_of_two_who_change_the_same_version_the_second_is_shown_both(
    project: Project, moderator: Client, page: str, text: str
) -> None:
    moderator.post(f"/p/fern/{page}/", {"text": text, "after": "1"})
    answer = moderator.post(f"/p/fern/{page}/", {"text": "mine | Mine", "after": "1"})
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "mine | Mine</textarea>" in shown
    assert text.splitlines()[-1] in shown.split("<textarea")[0]
    assert getattr(project, page).version == 2


@pytest.mark.parametrize("page", ["taxonomy", "guidelines"])
def test_a_version_that_changes_nothing_is_none(project: Project, moderator: Client, page: str) -> None:
    now = write_outline(project.taxonomy.entries) if page == "taxonomy" else project.guidelines.text
    answer = moderator.post(f"/p/fern/{page}/", {"text": now, "after": "1"})
    assert answer.status_code == 422
    assert getattr(project, page).version == 1


def test_new_guidelines_are_shown_to_who_judges_next(project: Project, moderator: Client) -> None:
    assert moderator.post("/p/fern/guidelines/", {"text": "Be fair.", "after": "1"}).status_code == 302
    assert project.guidelines.text == "Be fair."
    assert moderator.post("/p/fern/guidelines/", {"text": " ", "after": "2"}).status_code == 422
    assert moderator.post("/p/fern/guidelines/", {"text": "x" * 50_001, "after": "2"}).status_code == 422


@pytest.mark.parametrize("page", ["taxonomy", "guidelines"])
def test_experts_and_strangers_change_nothing(project: Project, client: Client, page: str) -> None:
    for person in (make_member(project, Role.EXPERT), make_member(make_project(), Role.ADMIN)):
        client.force_login(person)
        assert client.get(f"/p/fern/{page}/").status_code == 404
        assert client.post(f"/p/fern/{page}/", {"text": "a | A", "after": "1"}).status_code == 404
    assert getattr(project, page).version == 1


def test_the_api_reads_what_holds_and_saves_the_next_version(project: Project, moderator: Client) -> None:
    before = ask(moderator, "get", "taxonomy").json()
    assert before["version"] == 1
    categories = [*before["categories"], {"slug": "dose", "name": "Wrong dose", "parent": "unsafe"}]
    after = ask(moderator, "put", "taxonomy", {"after": 1, "categories": categories}).json()
    assert after["version"] == 2
    assert after["categories"][-1] == vars(Entry("dose", "Wrong dose", "", "unsafe"))
    assert ask(moderator, "put", "taxonomy", {"after": 1, "categories": categories}).status_code == 409
    put = ask(moderator, "put", "guidelines", {"after": 1, "text": "Be fair."})
    assert put.json() == ask(moderator, "get", "guidelines").json() == {"version": 2, "text": "Be fair."}


@pytest.mark.parametrize(
    "body",
    [
        {"categories": [{"slug": "a", "name": "A"}]},
        {"after": True, "categories": []},
        {"after": 1, "categories": "a"},
        {"after": 1, "categories": [{"slug": 1, "name": "A"}]},
        {"after": 1, "categories": [{"slug": "a", "name": "A", "colour": "red"}]},
        {"after": 1, "categories": [{"slug": "a", "name": "A", "parent": "b"}, {"slug": "b", "name": "B"}]},
    ],
)
def test_a_body_that_makes_no_taxonomy_is_refused(project: Project, moderator: Client, body: dict[str, object]) -> None:
    assert ask(moderator, "put", "taxonomy", body).status_code == 422
    assert project.taxonomy.version == 1


def test_each_version_builds_on_the_one_before(project: Project) -> None:
    admin = make_member(project, Role.ADMIN)
    for version in range(1, 4):
        assert save_guidelines(project, f"Rule {version}.", after=version, by=admin).version == version + 1
    assert read_outline(write_outline(project.taxonomy.entries)) == project.taxonomy.entries
