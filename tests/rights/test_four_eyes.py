"""Author ≠ approver, launcher ≠ promoter: every path that there is, and that there is no other."""

import re
from pathlib import Path

import pytest
from django.contrib import admin
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from annotations.review.actions.approvals import approve, send_back
from annotations.review.models import Approval, Label
from labelhub.errors import NotAllowed
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_key, make_label, make_member, make_project, make_queue, make_task
from tests.rights.routes import patterns
from tests.training.makers import make_evaluation, make_run, make_version
from training.registry.actions import promote, report
from training.registry.models import Promotion

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.django_db, pytest.mark.bar("S12", "four-eyes")]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def author(project):
    """Somebody who may approve, and who wrote this one."""
    return make_member(project, Role.ADMIN)


@pytest.fixture
def second(project):
    return make_member(project, Role.MODERATOR)


@pytest.fixture
def label(project, author):
    return make_label(make_task(make_queue(project)), author)


def ask(client, key, path, **body):
    headers = {"Authorization": f"Bearer {key}"}
    return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


def test_the_author_cannot_approve_or_send_back_by_the_page_nor_by_an_htmx_request(client, project, author, label):
    client.force_login(author)
    for name in ("review:approval", "review:return"):
        for headers in ({}, {"HX-Request": "true"}):
            response = client.post(reverse(name, args=[project.slug, label.pk]), {"reason": "me"}, headers=headers)
            assert response.status_code == 403
    assert not Approval.objects.exists()


def test_the_author_cannot_approve_by_any_of_their_keys_nor_by_a_session(client, project, author, label):
    for scopes in (["approve"], ["approve", "label", "train", "admin"]):
        key = make_key(project, *scopes, person=author)
        assert ask(client, key, f"labels/{label.pk}/approval/").status_code in {400, 403}
        assert ask(client, key, f"labels/{label.pk}/approval/", note="fine").status_code == 403
        assert ask(client, key, f"labels/{label.pk}/return/", reason="fine").status_code == 403
    client.force_login(author)
    path = f"/api/v1/labels/{label.pk}/approval/?project={project.slug}"
    assert client.post(path, {"note": "fine"}, content_type="application/json").status_code == 403
    assert not Approval.objects.exists()


def test_the_author_cannot_approve_among_many_nor_by_settling_it_nor_by_writing_it_anew(client, project, author, label):
    client.force_login(author)
    client.post(reverse("review:approve_all", args=[project.slug]), {"label": [label.pk]})
    settle = reverse("review:adjudication", args=[project.slug, label.task_id])
    for final in str(label.pk), "own":
        body = {"final": final, "reason": "mine", "category": "too-vague", "rewrite": "Mine once more."}
        assert client.post(settle, body).status_code == 403
    key = make_key(project, "approve", "label", person=author)
    for body in {"label": label.pk}, {"judgement": {"verdict": "good"}}:
        assert ask(client, key, f"tasks/{label.task_id}/adjudication/", reason="mine", **body).status_code == 403
    assert not Approval.objects.exists()
    assert Label.objects.get() == label


def test_who_wrote_the_final_answer_cannot_approve_it_in_any_of_these_ways(client, project, second, label):
    client.force_login(second)
    settle = reverse("review:adjudication", args=[project.slug, label.task_id])
    client.post(settle, {"final": "own", "reason": "shorter", "category": "too-vague", "rewrite": "Shorter."})
    final = Label.objects.get(author=second)
    client.post(reverse("review:approve_all", args=[project.slug]), {"label": [final.pk, label.pk]})
    for path in reverse("review:approval", args=[project.slug, final.pk]), settle:
        assert client.post(path, {"final": str(final.pk), "reason": "mine"}).status_code == 403
    assert not Approval.objects.exists()


def test_what_waits_for_the_author_never_holds_their_own(client, project, author, label):
    key = make_key(project, "label", "approve", person=author)
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/labels/?state=waiting", headers=headers).json()["items"] == []


def test_a_person_who_changed_roles_is_still_the_author(project, author, label, second):
    author.membership_set.update(role=Role.MODERATOR)
    for decide in (approve, lambda one, by: send_back(one, by=by, reason="mine")):
        with pytest.raises(NotAllowed):
            decide(label, by=author)
    assert approve(label, by=second).by == second


def test_there_is_no_other_way_to_approve():
    """No page of the admin, no bulk route, no command: whoever adds one adds the second person to it and to this test."""
    assert {model for model in (Approval, Label) if admin.site.is_registered(model)} == set()
    assert sorted(one for one in patterns() if "approv" in one) == [
        "api/v1/guidance/<int:pk>/approval/",  # of guidance: see test_guidance.py
        "api/v1/labels/<int:pk>/approval/", "p/<slug:slug>/approvals/", "p/<slug:slug>/approvals/<int:pk>/",
        "p/<slug:slug>/approvals/<int:pk>/approval/", "p/<slug:slug>/approvals/<int:pk>/return/",
        "p/<slug:slug>/approvals/all/", "p/<slug:slug>/guidance/<int:pk>/approval/",
    ]  # fmt: skip
    from django.core.management import get_commands

    ours = {name for name, app in get_commands().items() if app in {"labelhub", "annotations", "training"}}
    assert not any("approv" in name or "label" in name for name in ours)


def test_one_function_approves_and_only_the_pages_the_api_and_an_adjudication_call_it():
    """A bulk action, a command, a page of the admin, whatever it is called, would have to."""
    ours = [file for app in ("labelhub", "annotations", "training") for file in (ROOT / app).rglob("*.py")]
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in ours if "migrations" not in file.parts}
    makes = re.compile(
        r"(?<!class )\bApproval(\.objects\.\w*create|\()|approval_set\.\w*create|annotations_approval\b.*INSERT"
    )
    assert [name for name, text in texts.items() if makes.search(text)] == ["annotations/review/actions/approvals.py"]
    imports = re.compile(r"from annotations\.review\.actions\.approvals import .*\bapprove")
    assert sorted(name for name, text in texts.items() if imports.search(text)) == [
        "annotations/review/actions/adjudications.py", "annotations/review/api/judgements.py",
        "annotations/review/views/approvals.py",
    ]  # fmt: skip


INSERT = (
    "INSERT INTO annotations_approval (project_id, label_id, interaction_id, by_id, note) VALUES (%s, %s, %s, %s, '')"
)
HELD_BY = "author_stays|author_is_not_approver|approval_fits|_stays|label_is_new|keeps_its_answer"
ROUND_IT = {
    "approve one's own": (INSERT, ["project", "label", "interaction", "author"]),
    "approve one's own on conflict": (INSERT + " ON CONFLICT DO NOTHING", ["project", "label", "interaction", "author"]),
    "approve for another answer": (INSERT, ["project", "label", "other_interaction", "second"]),
    "approve in another project": (INSERT, ["other_project", "label", "interaction", "second"]),
    "approve one's own as the first of two": (
        "INSERT INTO annotations_firstapproval (label_id, by_id, ground) VALUES (%s, %s, 'known')", ["label", "author"]
    ),
    "say that one approved it": ("UPDATE annotations_approval SET by_id = %s", ["author"]),
    "say that a third approved it": ("UPDATE annotations_approval SET by_id = %s", ["third"]),
    "approve another label": ("UPDATE annotations_approval SET label_id = %s", ["third_label"]),
    "approve another answer": ("UPDATE annotations_approval SET interaction_id = %s", ["other_interaction"]),
    "say that the second wrote it": ("UPDATE annotations_label SET author_id = %s WHERE id = %s", ["second", "approved"]),
    "say beforehand that the second wrote it": (
        "UPDATE annotations_label SET author_id = %s WHERE id = %s; " + INSERT,
        ["second", "label", "project", "label", "interaction", "author"],
    ),
    "write it anew afterwards": ("UPDATE annotations_label SET rewrite = 'mine' WHERE id = %s", ["approved"]),
    "turn the verdict": ("UPDATE annotations_label SET verdict = 'good', rewrite = '' WHERE id = %s", ["approved"]),
    "put it on another task": ("UPDATE annotations_label SET task_id = %s WHERE id = %s", ["task", "approved"]),
    "move it to another project": ("UPDATE annotations_label SET project_id = %s WHERE id = %s", ["other_project", "approved"]),
    "move the task to another answer": ("UPDATE annotations_reviewtask SET interaction_id = %s", ["other_interaction"]),
    "put another author's label under its id": (
        "WITH gone AS (DELETE FROM annotations_labelcategory WHERE label_id = %s) SELECT 1; "
        "CREATE TEMPORARY TABLE copy ON COMMIT DROP AS SELECT * FROM annotations_label WHERE id = %s; "
        "DELETE FROM annotations_label WHERE id = %s; UPDATE copy SET author_id = %s; "
        "INSERT INTO annotations_label SELECT * FROM copy; SET CONSTRAINTS ALL IMMEDIATE",
        ["approved", "approved", "approved", "second"],
    ),
}  # fmt: skip


def carry_out(sql, values):
    """Several statements, each taking as many of the values as it has places for."""
    values = list(values)
    with connection.cursor() as cursor:
        for statement in sql.split("; "):
            places = statement.count("%s")
            cursor.execute(statement, values[:places] or None)
            del values[:places]


@pytest.mark.parametrize("way", ROUND_IT)
def test_sql_as_the_apps_own_role_does_not_get_round_the_second_person(project, author, second, label, way):
    queue = make_queue(project)
    approved, third = make_label(make_task(queue), author), make_member(project, Role.MODERATOR)
    approve(approved, by=second)
    ids = {
        "project": project.pk, "other_project": make_project().pk, "author": author.pk, "second": second.pk,
        "third": third.pk, "label": label.pk, "approved": approved.pk, "interaction": label.task.interaction_id,
        "other_interaction": make_interaction(project).pk, "task": make_task(queue).pk,
        "third_label": make_label(make_task(queue), third).pk,
    }  # fmt: skip
    before = list(Approval.objects.values()), list(Label.objects.order_by("pk").values())
    sql, names = ROUND_IT[way]
    with pytest.raises(DatabaseError, match=HELD_BY), transaction.atomic():
        carry_out(sql, [ids[name] for name in names])
    assert (list(Approval.objects.values()), list(Label.objects.order_by("pk").values())) == before


def test_what_was_said_may_be_taken_out_of_a_label_as_an_erasure_does(label, second):
    approve(label, by=second)
    Label.objects.filter(pk=label.pk).update(rewrite="", note="")
    assert Label.objects.get(pk=label.pk).gold == ""


def test_the_apps_role_is_no_superuser_who_could_put_triggers_aside():
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls, rolreplication FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False, False)
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute("SET session_replication_role = replica")


@pytest.fixture
def version(project, author):
    """Launched by `author`, passed by the gate."""
    version = make_version(project, run=make_run(project, launched_by=author))
    report(make_evaluation(version))
    return version


def test_who_launched_a_run_does_not_promote_its_version_by_action_page_or_key(client, project, author, version):
    assert project.two_person_promotion
    for slot in ("staging", "production"):
        with pytest.raises(NotAllowed):
            promote(version, slot=slot, by=author)
        for scopes in (["train"], ["train", "approve", "admin"]):
            key = make_key(project, *scopes, person=author)
            assert ask(client, key, "promotions/", version=version.number, slot=slot).status_code == 403
        client.force_login(author)
        page = reverse("admin:training_modelversion_promote", args=[version.pk])
        shown = client.post(page, {"slot": slot, "note": "go"}, follow=True).content.decode()
        assert "ask a second person" in shown
    assert not Promotion.objects.exists()


def test_a_second_admin_promotes_it_and_one_person_may_where_the_project_says_so(project, author, version):
    assert promote(version, slot="staging", by=make_member(project, Role.ADMIN)).version == version
    project.two_person_promotion = False
    project.save()
    version.project.refresh_from_db()
    assert promote(version, slot="production", by=author).by == author


def test_nobody_turns_the_second_person_off_by_a_page_or_a_key(client, project, author):
    client.force_login(author)
    page = reverse("admin:labelhub_project_change", args=[project.pk])
    fields = {"name": project.name, "slug": project.slug}  # an unticked box is not sent
    assert client.post(page, fields).status_code == 403
    project.refresh_from_db()
    assert project.two_person_promotion
