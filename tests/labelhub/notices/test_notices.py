"""Who is told, what they have read, and that nobody reads what others were told."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labelhub.notices.actions import tell
from labelhub.notices.mentions import mentioned
from labelhub.notices.models import Notice
from labelhub.people.models import User
from labelhub.projects.models import Membership
from tests.factories import make_member, make_project

PAGE, READ = "/me/notices/", "/me/notices/read/"


@pytest.fixture
def project(db):
    return make_project()


@pytest.fixture
def reader(project, client):
    user = make_member(project)
    client.force_login(user)
    return user


def say(project, *people, text="Look."):
    tell(people, project=project, by=make_member(project, name="Omar"), text=text, path="/")


def test_a_notice_is_new_until_one_says_that_one_has_read_it(project, reader, client):
    assert "Nobody has written to you" in client.get(PAGE).content.decode()
    say(project, reader, text="Is it <39>?")
    page = client.get(PAGE).content.decode()
    assert "Is it &lt;39&gt;?" in page
    assert "1 new" in page
    shown = Notice.objects.get().pk
    say(project, reader)
    client.post(READ, {"up_to": shown})
    assert Notice.objects.unread().count() == 1  # what came meanwhile stays new


def test_others_neither_see_nor_read_it(project, reader, client):
    say(project, make_member(project), text="Between us")
    client.post(READ, {"up_to": 10**9})
    assert "Between us" not in client.get(PAGE).content.decode()
    assert Notice.objects.unread().count() == 1


def test_who_left_a_project_reads_nothing_of_it(project, reader, client):
    say(project, reader, text="Between us")
    Membership.objects.filter(user=reader).delete()
    assert "Between us" not in client.get(PAGE).content.decode()


def test_older_ones_stand_on_further_pages_and_take_no_more_queries(project, reader, client):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            client.get(PAGE)
        return len(caught)

    say(project, reader, text="the first")
    few = queries()
    say(project, *[reader] * 60)
    assert queries() == few
    page = client.get(PAGE).content.decode()
    assert "the first" not in page
    older = page.split("?before=")[1].split('"')[0]
    assert "the first" in client.get(f"{PAGE}?before={older}").content.decode()
    assert client.get(f"{PAGE}?before=x").status_code == 200


def person(n, name, email):
    return User(pk=n, name=name, email=email)


INES, OMAR, TWIN = (
    person(1, "Ines Pereira", "ines@example.org"), person(2, "Omar", "o.haddad@example.org"), person(3, "Omar", "omar2@example.org"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@ines look", [INES]), ("@InesPereira, look", [INES]), ("see @ines@example.org.", [INES]), ("@o.haddad?", [OMAR]),
        ("@omar", []),  # two are called so
        ("ines@example.org", []), ("mail me: a@ines", []), ("@nobody", []), ("@", []), ("@ines @ines", [INES]),
        ("(@ines)", [INES]), ("@ines @o.haddad", [INES, OMAR]), ("@ines.", [INES]),
    ],
)  # fmt: skip
def test_at_and_a_name_mean_a_person(text, found):
    assert mentioned(text, [INES, OMAR, TWIN]) == found
