"""A person's own page writes what it shows and nothing else."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labelhub.people.models import User
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
FIELDS = {"name": "Ada", "time_zone": "Europe/Berlin", "theme": "dark", "single_keys": "on"}


def test_saving_writes_no_column_that_the_page_does_not_show(client):
    client.force_login(make_user())
    with CaptureQueriesContext(connection) as queries:
        assert client.post("/me/", FIELDS).status_code == 302
    [written] = [q["sql"] for q in queries if q["sql"].startswith('UPDATE "labelhub_user"')]
    for column in ("password", "is_active", "is_superuser", "email", "last_login"):
        assert column not in written
    assert User.objects.get().time_zone == "Europe/Berlin"


def test_what_was_refused_is_not_shown_as_if_it_were_saved(client):
    client.force_login(make_user("Ada"))
    page = client.post("/me/", FIELDS | {"name": "Eve", "time_zone": "Mars/Olympus"})
    assert page.status_code == 422
    assert ">Ada</strong>" in page.content.decode()
    assert User.objects.get().name == "Ada"
