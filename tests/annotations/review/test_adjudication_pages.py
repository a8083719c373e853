"""The pages where disagreements are settled and labels approved in numbers, and the same over the API."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.adjudications import choose
from annotations.review.models import Adjudication, Approval, FirstApproval, Label, Queue, ReviewTask
from labelhub.keys.models import Scope
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_key, make_label, make_member, make_project, make_queue, make_task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
HTMX = {"HX-Request": "true"}
HOSTILE = '<img src=x onerror="alert(1)"><b hx-get="/x">ö 🙂</b></script>'


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def moderator(project: Project) -> Any:
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def client(moderator: Any) -> Client:
    return signed_in(moderator)


def dispute(project: Project, *rewrites: str, **set_up: Any) -> ReviewTask:
    rewrites = rewrites or ("It costs 39 euros.", "It costs 36 euros.")
    task = make_task(make_queue(project, overlap=len(rewrites), **set_up))
    for rewrite in rewrites:
        make_label(task, make_member(project), **{**FLAWED, "rewrite": rewrite, "note": HOSTILE})
    task.refresh_from_db()
    return task


def test_who_may_not_approve_here_finds_no_such_page(project: Project) -> None:
    task = dispute(project)
    pages = [f"/p/{project.slug}/adjudications/", f"/p/{project.slug}/adjudications/{task.pk}/"]
    for person in make_member(project), make_member(make_project(), Role.ADMIN):
        assert {signed_in(person).get(page).status_code for page in pages} == {404}


def test_a_task_of_another_project_answers_as_an_unknown_one(project: Project, client: Client) -> None:
    foreign = dispute(make_project())
    for pk in foreign.pk, 2**31:
        assert client.get(f"/p/{project.slug}/adjudications/{pk}/").status_code == 404
    label = foreign.labels.first()
    mine = dispute(project)
    for pk in label.pk, 2**31:
        post = {"final": str(pk), "reason": "So it is."}
        assert client.post(f"/p/{project.slug}/adjudications/{mine.pk}/", post).status_code == 404


def test_nothing_to_settle_says_so(project: Project, client: Client) -> None:
    assert "Nobody disagrees" in client.get(f"/p/{project.slug}/adjudications/").content.decode()


def test_a_page_takes_as_many_queries_for_five_answers_as_for_two(project: Project, client: Client) -> None:
    def queries(task: ReviewTask) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/p/{project.slug}/adjudications/{task.pk}/").status_code == 200
        return len(caught)

    assert queries(dispute(project)) == queries(dispute(project, *[f"It costs {n} euros." for n in range(5)]))


def test_a_list_takes_as_many_queries_for_ten_as_for_one(project: Project, client: Client) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/p/{project.slug}/{address}").status_code == 200
        return len(caught)

    addresses = ["adjudications/", "approvals/", "approvals/?tab=agreed", "approvals/?tab=unasked"]
    for alike in "It costs 39 euros.", "39 euros.":
        dispute(project, alike, alike, approve_which="disagreement")
    dispute(project)
    few = [queries(address) for address in addresses]
    for _ in range(4):
        dispute(project)
        dispute(project, "So.", "So.", approve_which="disagreement")
    assert [queries(address) for address in addresses] == few


def test_hostile_words_stand_there_as_words(project: Project, client: Client) -> None:
    task = dispute(project, HOSTILE, HOSTILE + "!")
    page = client.get(f"/p/{project.slug}/adjudications/{task.pk}/").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=" in page


def test_choosing_one_leads_to_the_next_disagreement(project: Project, client: Client) -> None:
    task, other = dispute(project), dispute(project)
    label = task.labels.first()
    post = {"final": str(label.pk), "reason": "The price list says so."}
    response = client.post(f"/p/{project.slug}/adjudications/{task.pk}/", post)
    assert response["Location"] == f"/p/{project.slug}/adjudications/{other.pk}/"
    assert Approval.objects.get().label == label


def test_the_final_answer_is_written_and_can_be_taken_back(project: Project, client: Client, moderator: Any) -> None:
    task = dispute(project)
    own = {"final": "own", "reason": "Both are wrong.", "category": "wrong-tone", "severity-wrong-tone": "3",
           "rewrite": "It costs 37 euros."}  # fmt: skip
    page = client.post(f"/p/{project.slug}/adjudications/{task.pk}/", own, headers=HTMX)
    assert "Nobody disagrees" in page.content.decode()
    final = Label.objects.get(author=moderator)
    assert (final.rewrite, final.categories.get().severity) == ("It costs 37 euros.", 3)
    back = client.post(f"/p/{project.slug}/labels/{final.pk}/withdrawal/")
    assert back["Location"] == f"/p/{project.slug}/adjudications/{task.pk}/"
    again = client.get(back["Location"]).content.decode()
    assert "It costs 37 euros." in again, "what was written is there to be changed"


def test_without_a_choice_or_a_reason_nothing_is_settled(project: Project, client: Client) -> None:
    task = dispute(project)
    address = f"/p/{project.slug}/adjudications/{task.pk}/"
    for post in {"reason": "So."}, {"final": "x", "reason": "So."}, {"final": str(task.labels.first().pk)}:
        assert client.post(address, post).status_code == 422
    assert not Adjudication.objects.exists()


def test_an_expert_reads_what_was_chosen_instead_and_why(project: Project, moderator: Any) -> None:
    one, two = dispute(project).labels.order_by("pk")
    choose(one, by=moderator, reason="The price list says so.")
    page = signed_in(two.author).get(f"/p/{project.slug}/labels/{two.pk}/").content.decode()
    assert "The price list says so." in page
    assert "<del>36</del><ins>39</ins>" in page
    mine = signed_in(two.author).get(f"/p/{project.slug}/labels/").content.decode()
    assert "chose another answer" in mine


def test_what_people_agree_on_is_approved_in_one_step(project: Project, client: Client) -> None:
    alike = dispute(project, "So.", "So.")
    labels = [label.pk for label in alike.labels.all()]
    page = client.get(f"/p/{project.slug}/approvals/?tab=agreed").content.decode()
    assert all(f'value="{pk}"' in page for pk in labels)
    response = client.post(f"/p/{project.slug}/approvals/all/?tab=agreed", {"label": labels})
    assert response["Location"] == f"/p/{project.slug}/approvals/?tab=agreed"
    assert Approval.objects.count() == 2
    assert client.post(f"/p/{project.slug}/approvals/all/", {"label": [2**40]}).status_code == 302
    assert client.post(f"/p/{project.slug}/approvals/all/", {"label": ["x"]}).status_code == 422


def test_a_label_that_two_people_approve_asks_for_the_ground(project: Project, client: Client) -> None:
    label = make_label(make_task(make_queue(project, approve_twice=Queue.Twice.EVERY)), make_member(project))
    address = f"/p/{project.slug}/approvals/{label.pk}/"
    assert 'name="ground"' in client.get(address).content.decode()
    assert client.post(address + "approval/").status_code == 422
    client.post(address + "approval/", {"ground": "checked"})
    assert FirstApproval.objects.get().label == label
    assert "You approved it first" in client.get(address).content.decode()


def api(project: Project, person: Any, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_key(project, *scopes, person=person)}"}


def test_over_the_api_a_disagreement_is_read_and_settled(project: Project, moderator: Any) -> None:
    task, other = dispute(project), dispute(project)
    key, client = api(project, moderator, Scope.APPROVE, Scope.LABEL), Client()
    listed = client.get("/api/v1/adjudications/", headers=key).json()["items"]
    assert [item["task"] for item in listed] == [task.pk, other.pk]
    one, two = (label["id"] for label in listed[0]["labels"])
    address = f"/api/v1/tasks/{task.pk}/adjudication/"
    for body in {"reason": "So."}, {"label": one, "judgement": {}, "reason": "So."}, {"label": one}:
        assert client.post(address, body, "application/json", headers=key).status_code == 422
    settled = client.post(address, {"label": two, "reason": "So."}, "application/json", headers=key)
    assert (settled.status_code, settled.json()["overruled"], settled.json()["approved"]) == (201, [one], True)
    own = {"judgement": {**FLAWED, "rewrite": "Ask us."}, "reason": "Neither."}
    settled = client.post(f"/api/v1/tasks/{other.pk}/adjudication/", own, "application/json", headers=key)
    assert settled.json()["approved"] is False
    assert client.get("/api/v1/adjudications/", headers=key).json() == {"items": []}


def test_over_the_api_the_first_of_two_approvals_says_that_one_is_missing(project: Project) -> None:
    label = make_label(make_task(make_queue(project, approve_twice=Queue.Twice.EVERY)), make_member(project))
    address, missing = f"/api/v1/labels/{label.pk}/approval/", []
    for _ in range(2):
        key = api(project, make_member(project, Role.MODERATOR), Scope.APPROVE)
        answer = Client().post(address, {"ground": "checked"}, "application/json", headers=key)
        missing.append(answer.json()["missing"])
    assert missing == [1, 0]
