"""What stands in an address or a form beside what is asked for: keys, columns, hosts, other sites, other fields."""

import logging

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.urls import reverse

from labelhub.keys.models import ApiKey
from labelhub.models import Membership, User
from labelhub.projects.rights import Role
from tests.factories import PASSWORD, make_key, make_label, make_member, make_project, make_queue, make_task, make_user
from tests.rights.routes import read_table

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
HOSTILE = [
    "ordering=author__password", "created_by__groups__user__password__startswith=p", "author__password__regex=^p",
    "_connector=OR", "_negated=1", "fields=secret_sha256", "search=x", "format=xml", "limit=1&offset=9",
    "id__in=1,2", "project__apikey__secret_sha256__startswith=a", "expand=author", "page=2", "%00=1",
]  # fmt: skip
LISTS = ["labels/", "queues/", "snapshots/", "runs/", "versions/", "promotions/", "sessions/flagged/"]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin(project):
    return make_member(project, Role.ADMIN)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.bar("3a-55", "S7")
def test_a_list_of_the_api_refuses_every_parameter_that_it_does_not_read_and_names_those_that_it_does(
    client, project, admin
):
    make_label(make_task(make_queue(project)), make_member(project))
    key = make_key(project, "label", "read", "train", "approve", person=admin)
    for path in LISTS:
        assert client.get(f"/api/v1/{path}", headers=bearer(key)).status_code == 200
        for query in HOSTILE:
            response = client.get(f"/api/v1/{path}?{query}", headers=bearer(key))
            assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json"), (path, query)
            assert "project" in response.json()["allowed"]
            assert "pbkdf2" not in response.content.decode()


@pytest.mark.bar("3a-55")
def test_every_route_of_the_api_refuses_what_it_does_not_read(client, project, admin):
    key = make_key(project, "label", "read", "train", "approve", "ingest", "feedback", "inject", person=admin)
    flat = [row for row in read_table() if row.area == "api" and "<" not in row.pattern]
    for row in flat:
        for method in row.methods:
            response = client.generic(method, f"/{row.pattern}?author__password=x", headers=bearer(key))
            assert (response.status_code, row.pattern) == (400, row.pattern)
            assert "author__password" in response.json()["detail"]


@pytest.mark.bar("3a-55", "S7")
@pytest.mark.parametrize("query", HOSTILE)
def test_a_page_looks_the_same_whatever_stands_in_its_address(client, project, admin, query):
    client.force_login(admin)
    for path in (f"/p/{project.slug}/approvals/", f"/p/{project.slug}/triage/", "/me/"):
        plain, asked = client.get(path), client.get(f"{path}?{query}")
        assert (asked.status_code, words(asked)) == (plain.status_code, words(plain))


def words(response):
    """The page without its CSRF tokens, which differ each time."""
    return [line for line in response.content.decode().splitlines() if "csrf" not in line]


LOOKUPS = {
    "user": ["password__startswith=set", "password__contains=e", "membership__project__slug=x", "last_login__gt=2000-01-01"],
    "apikey": ["secret_sha256__startswith=a", "person__password__startswith=s", "created_by__password__contains=e"],
    "membership": ["user__password__startswith=s", "user__is_superuser=1", "project__apikey__secret_sha256__contains=a"],
    "project": ["apikey__secret_sha256__startswith=a", "membership__user__password__contains=e"],
    "job": ["error__contains=a", "project__apikey__secret_sha256__contains=a"],
}  # fmt: skip


@pytest.mark.bar("3a-55", "S7")
@pytest.mark.parametrize(("table", "query"), [(table, query) for table, found in LOOKUPS.items() for query in found])
def test_a_list_of_the_admin_filters_by_nothing_that_it_does_not_offer(client, project, admin, table, query):
    User.objects.update(password="set")
    make_key(project, "read")
    client.force_login(User.objects.get(pk=admin.pk))
    address = reverse(f"admin:labelhub_{table}_changelist")
    for guess in (query, query[:-1] + "~"):  # right or wrong: the answer is the same
        response = client.get(f"{address}?{guess}")
        assert response.status_code == 400
        assert client.get(f"{address}?_to_field=password").status_code == 400


@pytest.mark.bar("3a-55")
def test_the_filters_that_an_admin_list_offers_still_work(client, project, admin):
    client.force_login(admin)
    assert client.get(reverse("admin:training_trainingrun_changelist"), {"state__exact": "failed"}).status_code == 200
    assert client.get(reverse("admin:labelhub_user_changelist"), {"q": "person"}).status_code == 200
    assert client.get(reverse("admin:labelhub_user_changelist"), {"o": "1"}).status_code == 200


@pytest.mark.bar("3a-56")
def test_nobody_gives_themselves_more_by_fields_that_a_form_does_not_show(client, project):
    expert, other = make_member(project), make_project()
    client.force_login(expert)
    more = {
        "is_staff": "1",
        "is_superuser": "1",
        "role": "admin",
        "project": other.pk,
        "api_key": "x",
        "email": "a@b.example",
    }
    fields = {"name": "Ada", "time_zone": "UTC", "theme": "dark", **more, "password": "x", "id": "1", "is_active": ""}
    assert client.post("/me/", fields).status_code == 302
    after = User.objects.get(pk=expert.pk)
    assert (after.name, after.is_superuser, after.email, after.password) == (
        "Ada",
        False,
        expert.email,
        expert.password,
    )
    assert after.is_active
    assert list(Membership.objects.filter(user=expert).values_list("project", "role")) == [(project.pk, Role.EXPERT)]


@pytest.mark.bar("3a-56")
def test_who_asked_for_more_on_their_own_page_is_written_down_where_operators_look(client, project, caplog):
    expert, operator = make_member(project), make_user("Olga", is_superuser=True)
    client.force_login(expert)
    own = {"name": "Ada", "time_zone": "UTC", "theme": "dark"}
    client.post("/me/", own)
    assert not LogEntry.objects.exists()
    client.post("/me/", {**own, "role": "admin", "is_staff": "<b>1", "<script>": "x"})
    client.post("/me/", {**own, "theme": "none", "api_key": "secret"})
    entries = list(LogEntry.objects.order_by("pk").values_list("user", "object_id", "change_message"))
    assert entries == [
        (expert.pk, str(expert.pk), "Own page: asked to set is_staff, role; ignored."),
        (expert.pk, str(expert.pk), "Own page: asked to set api_key; ignored."),
    ]
    assert f"person {expert.pk} asked to set is_staff, role" in caplog.text
    client.force_login(operator)
    history = client.get(reverse("admin:labelhub_user_history", args=[expert.pk])).content.decode()
    assert "asked to set is_staff, role; ignored." in history


@pytest.mark.bar("3a-56")
def test_a_label_belongs_to_who_submitted_it_whatever_the_body_says(client, project, admin):
    expert, task = make_member(project), make_task(make_queue(project))
    key = make_key(project, "label", person=expert)
    fence = client.post(f"/api/v1/queues/{task.queue.slug}/claim/", headers=bearer(key)).json()["fence"]
    body = {
        "fence": fence,
        "verdict": "good",
        "author": admin.pk,
        "author_id": admin.pk,
        "project": 1,
        "approved": True,
    }
    response = client.post(
        f"/api/v1/tasks/{task.pk}/labels/", body, content_type="application/json", headers=bearer(key)
    )
    assert response.status_code in {201, 422}
    assert {label.author_id for label in task.labels.all()} <= {expert.pk}
    assert not task.labels.exclude(project=project).exists()
    assert not task.labels.filter(approval__isnull=False).exists()


@pytest.mark.bar("3a-56")
def test_an_admin_makes_no_operator_and_no_member_of_another_project(client, project, admin):
    client.force_login(admin)
    somebody = make_member(project)
    page = reverse("admin:labelhub_user_change", args=[somebody.pk])
    assert client.post(page, {"email": somebody.email, "is_superuser": "1"}).status_code == 403
    form = {"project": make_project().pk, "user": somebody.pk, "role": "admin"}
    shown = client.post(reverse("admin:labelhub_membership_add"), form)
    assert (shown.status_code, Membership.objects.filter(user=somebody).count()) == (200, 1)
    key = {"project": form["project"], "person": "", "service": "x", "scopes": ["read"]}
    assert client.post(reverse("admin:labelhub_apikey_add"), key).status_code == 200
    assert not ApiKey.objects.exists()


@pytest.mark.bar("3a-58")
def test_a_key_that_may_only_send_reads_nothing(client, project, admin):
    key = make_key(project, "ingest")
    for path in [*LISTS, "interactions/1/", "labels/1/", "evaluations/1/"]:
        assert client.get(f"/api/v1/{path}", headers=bearer(key)).status_code == 403


def test_a_key_to_label_shows_a_moderators_own_labels_only_and_makes_no_queue(client, project):
    moderator, queue = make_member(project, Role.MODERATOR), make_queue(project)
    theirs, own = (make_label(make_task(queue), person).pk for person in (make_member(project), moderator))
    narrow, wide = (make_key(project, *scopes, person=moderator) for scopes in (["label"], ["label", "approve"]))
    for key, seen in ((narrow, {own}), (wide, {own, theirs})):
        items = client.get("/api/v1/labels/", headers=bearer(key)).json()["items"]
        assert {item["id"] for item in items} == seen
        made = client.post("/api/v1/queues/", {"slug": "n"}, content_type="application/json", headers=bearer(key))
        assert made.status_code == (403 if key == narrow else 201)
    assert client.get(f"/api/v1/labels/{theirs}/", headers=bearer(narrow)).status_code == 404
    assert client.get("/api/v1/labels/?state=waiting", headers=bearer(narrow)).status_code == 403


@pytest.mark.bar("3a-57")
def test_a_key_is_its_project_and_naming_another_is_as_naming_none(client, project, admin):
    key, other = make_key(project, "label", person=admin), make_project()
    assert client.get(f"/api/v1/queues/?project={project.slug}", headers=bearer(key)).status_code == 200
    told = [client.get(f"/api/v1/queues/?project={slug}", headers=bearer(key)) for slug in (other.slug, "nobodys")]
    assert [one.status_code for one in told] == [404, 404]
    assert told[0].content == told[1].content


@pytest.mark.bar("3a-59")
@pytest.mark.parametrize("path", ["/api/v1/labels/", "/v1/models", "/", "/health/live", "/api/v1/nothing/", "/admin/"])
@pytest.mark.parametrize("name", ["key", "token", "access_token", "Authorization"])
def test_a_key_in_an_address_is_refused_and_marked_without_its_secret_in_the_log(client, project, caplog, path, name):
    caplog.set_level(logging.INFO)
    text = make_key(project, "read")
    response = client.get(f"{path}?x=1&{name}=harmless&{name}={text}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    secret = text.split("_", 2)[2]
    assert secret not in response.content.decode()
    key = ApiKey.objects.get()
    assert key.exposed_at is not None
    assert key.prefix in caplog.text
    assert secret not in caplog.text
    first = key.exposed_at
    assert client.get(f"{path}?{text}").status_code == 400
    assert ApiKey.objects.get().exposed_at == first
    assert client.get("/api/v1/sessions/flagged/", headers=bearer(text)).status_code == 200  # marked, not cut off


@pytest.mark.bar("3a-59")
def test_only_who_has_the_secret_marks_a_key_and_its_admin_sees_the_mark(client, project, admin):
    text = make_key(project, "read")
    assert client.get(f"/?key={text[:-3]}xyz").status_code == 400
    assert ApiKey.objects.get().exposed_at is None
    client.get(f"/?key={text}")
    client.force_login(admin)
    assert "Exposed at" in client.get("/admin/labelhub/apikey/").content.decode()
    assert ApiKey.objects.get().exposed_at is not None


@pytest.mark.bar("3a-64")
def test_a_password_reset_names_only_hosts_of_this_site(client, project):
    person = make_member(project)
    User.objects.filter(pk=person.pk).update(password=make_password(PASSWORD))
    evil = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Server": "evil.example", "Forwarded": "host=evil.example"}
    client.post("/accounts/password/reset/", {"email": person.email}, headers=evil)
    assert "http://testserver/accounts/password/reset/key/" in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].message().as_string()
    for host in ("evil.example", "testserver.evil.example", "testserver@evil.example", "testserver:80@evil.example"):
        response = client.post("/accounts/password/reset/", {"email": person.email}, headers={"Host": host})
        assert response.status_code == 400
    assert len(mail.outbox) == 1


ELSEWHERE = [
    "//evil.example", "///evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "http:evil.example",
    "javascript:alert(1)", "//evil.example%2f..", "/%0d%0aLocation:%20//evil.example", " //evil.example", "//testserver@evil.example",
]  # fmt: skip


@pytest.mark.bar("3a-65")
def test_signing_in_and_out_leads_to_no_other_site(client, project, count):
    person = make_member(project)
    User.objects.filter(pk=person.pk).update(password=make_password(PASSWORD))
    for n, target in enumerate(ELSEWHERE):
        if n < count(2, len(ELSEWHERE)):  # a password takes long to check
            response = client.post("/accounts/login/", {"login": person.email, "password": PASSWORD, "next": target})
            assert (response.status_code, is_local(response["Location"])) == (302, True), target
        else:
            client.force_login(User.objects.get(pk=person.pk))
        again = client.get("/accounts/login/", {"next": target})  # signed in already: sent on at once
        assert is_local(again["Location"]), target
        assert is_local(client.post("/accounts/logout/", {"next": target})["Location"]), target


def is_local(address):
    return address.startswith("/") and not address.startswith(("//", "/\\")) and "\n" not in address


@pytest.mark.bar("3a-65", "3a-32")
@pytest.mark.parametrize(
    "here",
    [
        *ELSEWHERE,
        "https://evil.example//evil.example/x",
        "http://testserver//evil.example",
        "/p/x/?a=1&next=//evil.example",
    ],
)
def test_a_fragment_asked_for_after_the_session_ended_leads_to_the_sign_in_and_back_to_this_site(client, project, here):
    headers = {"HX-Request": "true", "HX-Current-URL": here}
    response = client.get(f"/p/{project.slug}/triage/rows/", headers=headers)
    assert response.status_code == 401
    target = response["HX-Redirect"]
    assert target.startswith("/accounts/login/?next=%2F")
    assert not target.lower().startswith(("/accounts/login/?next=%2f%2f", "/accounts/login/?next=%2f%5c"))
    assert target.count("next=") == 1


@pytest.mark.bar("3a-67")
def test_the_queue_tables_have_no_page_for_operators_either_and_no_row_of_any_table_is_looked_up_by_type(client):
    client.force_login(User.objects.create_superuser("root@example.org"))
    for table in ("schedule", "success", "failure", "ormq", "task"):
        for rest in ("", "add/", "1/change/", "1/delete/"):
            assert client.get(f"/admin/django_q/{table}/{rest}").status_code == 404
    assert b"django_q" not in client.get("/admin/").content
    for path in (
        "r/1/1/",
        "autocomplete/?app_label=labelhub&model_name=user&field_name=x",
        "auth/group/",
        "sites/site/",
    ):
        assert client.get(f"/admin/{path}").status_code == 404


@pytest.mark.bar("S11")
def test_the_admin_has_no_second_door_that_counts_no_attempts(client, project):
    person = make_member(project, Role.ADMIN)
    User.objects.filter(pk=person.pk).update(password=make_password(PASSWORD))
    response = client.post("/admin/login/?next=/admin/labelhub/", {"username": person.email, "password": PASSWORD})
    assert response.headers["Location"] == "/accounts/login/?next=%2Fadmin%2Flabelhub%2F"
    assert "_auth_user_id" not in client.session
    assert client.post("/admin/", {"username": person.email, "password": PASSWORD}, follow=True).redirect_chain
    assert "_auth_user_id" not in client.session


def test_operators_see_nothing_inside_projects(client, project):
    client.force_login(User.objects.create_superuser("root@example.org"))
    make_key(project, "read")
    make_label(make_task(make_queue(project)), make_member(project))
    for path in ("project", "membership", "apikey", "taxonomy", "guidelines", "job"):
        assert project.name not in client.get(f"/admin/labelhub/{path}/").content.decode()
    assert client.get(f"/p/{project.slug}/").status_code == 404
    assert project.name not in client.get("/").content.decode()
