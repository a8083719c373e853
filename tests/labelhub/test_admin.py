import pytest
from django.contrib import admin
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core import mail
from django_q.models import Failure, OrmQ, Schedule, Success

from labelhub import admin as admin_of_keys
from labelhub.errors import NotAllowed, ensure
from labelhub.keys.actions import find_key, revoke_key
from labelhub.keys.models import ApiKey
from labelhub.models import Membership, Project, User
from labelhub.projects.rights import Role
from tests.factories import PASSWORD, make_key, make_member, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.mark.bar("3a-67")
def test_the_queue_tables_and_groups_have_no_page():
    assert not any(admin.site.is_registered(model) for model in (Group, Failure, OrmQ, Schedule, Success))


@pytest.mark.parametrize("role", [Role.EXPERT, Role.MODERATOR, None])
def test_only_admins_of_a_project_and_operators_enter(client, role):
    client.force_login(make_member(make_project(), role) if role else make_user())
    assert client.get("/admin/").status_code == 302


def test_an_operator_makes_a_project_and_becomes_its_admin(client):
    olga = make_user(is_superuser=True)
    client.force_login(olga)
    client.post("/admin/labelhub/project/add/", {"name": "Fernway", "slug": "fernway", "two_person_promotion": "on"})
    assert Membership.objects.get(project=Project.objects.get(slug="fernway")).user == olga


def test_an_admin_sees_only_the_own_projects_rows(client):
    mine, other = make_project(name="Mine"), make_project(name="Theirs")
    client.force_login(make_member(mine, Role.ADMIN))
    page = client.get("/admin/labelhub/project/").content.decode()
    assert "Mine" in page
    assert "Theirs" not in page
    assert client.get(f"/admin/labelhub/project/{other.pk}/change/").status_code == 404


def test_a_key_is_shown_once_when_it_is_made(client):
    project = make_project()
    client.force_login(make_member(project, Role.ADMIN))
    page = client.post(
        "/admin/labelhub/apikey/add/",
        {"project": project.pk, "person": "", "service": "checkout", "scopes": ["ingest"]}, follow=True,
    ).content.decode()  # fmt: skip
    text = page.split("not shown again: ")[1].split("<")[0].strip()
    assert find_key(text) == ApiKey.objects.get()
    assert text not in client.get("/admin/labelhub/apikey/").content.decode()


@pytest.mark.bar("S12", "four-eyes")
def test_an_admin_makes_no_key_that_acts_as_somebody_else_nor_one_that_acts_at_all(client):
    project = make_project()
    moderator = make_member(project, Role.MODERATOR)
    client.force_login(make_member(project, Role.ADMIN))
    page = client.get("/admin/labelhub/apikey/add/").content.decode()
    assert "/me/keys/" in page
    assert moderator.email not in page
    for scopes in (["approve"], ["label"], ["train"], ["admin"], ["read", "approve"]):
        for whose in ({"person": moderator.pk}, {"service": "x"}, {"person": moderator.pk, "service": "x"}):
            form = {"project": project.pk, "scopes": scopes, **whose}
            assert client.post("/admin/labelhub/apikey/add/", form).status_code == 200
    client.post("/admin/labelhub/apikey/add/", {"project": project.pk, "scopes": ["read"], "person": moderator.pk})
    assert not ApiKey.objects.exists()


def test_a_key_page_says_whose_it_is_and_who_made_it(client):
    project = make_project()
    admin_ = make_member(project, Role.ADMIN)
    client.force_login(admin_)
    form = {"project": project.pk, "service": "checkout", "scopes": ["ingest"]}
    client.post("/admin/labelhub/apikey/add/", form)
    page = client.get(f"/admin/labelhub/apikey/{ApiKey.objects.get().pk}/change/").content.decode()
    assert "checkout" in page
    assert str(admin_) in page


def test_a_person_made_with_capitals_in_their_address_sets_a_password_and_signs_in(client):
    client.force_login(make_user(is_superuser=True))
    form = {"email": "Ada.L@Example.ORG", "name": "Ada", "time_zone": "Europe/Berlin"}
    assert client.post("/admin/labelhub/user/add/", form).status_code == 302
    ada = User.objects.get(name="Ada")
    assert ada.email == "ada.l@example.org"
    client.logout()
    assert "/accounts/password/reset/" in client.get("/accounts/login/").content.decode()
    client.post("/accounts/password/reset/", {"email": "Ada.L@example.org"})
    assert mail.outbox[0].to == ["ada.l@example.org"]
    User.objects.filter(pk=ada.pk).update(password=make_password(PASSWORD))
    client.post("/accounts/login/", {"login": "Ada.L@Example.ORG", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_a_second_person_with_the_same_address_or_with_a_time_zone_that_is_none_is_refused_on_the_form(client):
    client.force_login(make_user(is_superuser=True))
    make_user(email="ada@example.org")
    for form, words in (
        ({"email": "ADA@example.org", "time_zone": "UTC"}, "Somebody has this address already"),
        ({"email": "new@example.org", "time_zone": "Mars/Olympus"}, "not one of the available choices"),
    ):
        response = client.post("/admin/labelhub/user/add/", form)
        assert (response.status_code, words in response.content.decode()) == (200, True)
    assert User.objects.count() == 2


def test_an_admin_adds_a_member_by_their_address_and_is_shown_nobody_else(client):
    project, somebody = make_project(), make_user(email="somebody@example.org")
    client.force_login(make_member(project, Role.ADMIN))
    assert somebody.email not in client.get("/admin/labelhub/membership/add/").content.decode()
    form = {"project": project.pk, "email": "Somebody@Example.org ", "role": Role.EXPERT}
    assert client.post("/admin/labelhub/membership/add/", form).status_code == 302
    assert Membership.objects.get(user=somebody).role == Role.EXPERT
    client.post("/admin/labelhub/membership/add/", form | {"role": Role.MODERATOR})
    membership = Membership.objects.get(user=somebody)
    assert membership.role == Role.MODERATOR
    page = client.get(f"/admin/labelhub/membership/{membership.pk}/change/")
    assert (page.status_code, str(somebody) in page.content.decode()) == (200, True)
    User.objects.filter(pk=somebody.pk).update(is_active=False)
    for address in ("nobody@example.org", "x", "", somebody.email):
        unknown = client.post("/admin/labelhub/membership/add/", form | {"email": address})
        assert (unknown.status_code, "errorlist" in unknown.content.decode()) == (200, True)


@pytest.mark.parametrize("chosen", ["one", "some"])
def test_removing_members_goes_through_the_action_which_keeps_the_last_admin(client, chosen):
    project = make_project()
    last = Membership.objects.get(project=project)
    expert = Membership.objects.get(user=make_member(project))
    client.force_login(last.user)

    def remove(*rows):
        if chosen == "one":
            return [client.post(f"/admin/labelhub/membership/{row.pk}/delete/", {"post": "yes"}) for row in rows][-1]
        form = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"}
        return client.post("/admin/labelhub/membership/", form)

    refused = remove(last)
    assert refused.status_code == 409
    assert "last admin" in refused.content.decode()
    assert Membership.objects.filter(pk=last.pk).exists()
    assert remove(expert).status_code == 302
    assert not Membership.objects.filter(pk=expert.pk).exists()


def test_who_chose_the_last_admin_among_others_removes_nobody(client):
    project = make_project()
    last, expert = Membership.objects.get(project=project), make_member(project)
    client.force_login(last.user)
    rows = list(Membership.objects.filter(project=project).values_list("pk", flat=True))
    form = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}
    assert client.post("/admin/labelhub/membership/", form).status_code == 409
    assert Membership.objects.filter(user=expert).exists()


def chosen(action, *people):
    return {"action": action, "_selected_action": [person.pk for person in people]}


def test_operators_close_accounts_and_open_them_again_and_are_told_what_was_refused(client):
    operator, ada, ben = make_user(is_superuser=True), make_user("Ada"), make_user("Ben")
    client.force_login(operator)
    page = "/admin/labelhub/user/"
    told = client.post(page, chosen("deactivate", operator, ada, ben), follow=True).content.decode()
    assert "You cannot close your own account" in told
    assert set(User.objects.filter(is_active=False)) == {ada, ben}
    client.post(page, chosen("activate", ben))
    assert set(User.objects.filter(is_active=False)) == {ada}


def test_an_admin_of_a_project_sees_its_people_and_closes_no_account(client):
    project = make_project()
    member = make_member(project)
    client.force_login(make_member(project, Role.ADMIN))
    page = "/admin/labelhub/user/"
    assert member.email in (shown := client.get(page).content.decode())
    assert 'value="deactivate"' not in shown
    for action in ("deactivate", "activate"):
        client.post(page, chosen(action, member))
    assert not User.objects.filter(is_active=False).exists()


def test_one_key_that_may_not_be_revoked_keeps_no_other_from_it(client, monkeypatch):
    project = make_project()
    client.force_login(make_member(project, Role.ADMIN))
    for _ in range(2):
        make_key(project, "ingest")
    first, second = ApiKey.objects.order_by("-pk")

    def refuse(key, *, by):
        ensure(key != first, NotAllowed("Not this one."))
        revoke_key(key, by=by)

    monkeypatch.setattr(admin_of_keys, "revoke_key", refuse)
    told = client.post("/admin/labelhub/apikey/", chosen("revoke", first, second), follow=True).content.decode()
    assert "Not this one." in told
    assert list(ApiKey.objects.exclude(revoked_at=None)) == [second]
