"""What migrations do to rows that were there before."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password

from labelhub.keys.models import ApiKey
from labelhub.people.models import User
from labelhub.projects.rights import Role
from tests.factories import make_key, make_member, make_project, make_user
from tests.planting import sql, unguarded, update

pytestmark = pytest.mark.django_db
own_keys = import_module("labelhub.migrations.0004_one_person_one_address_own_keys")
zones_there_are = import_module("labelhub.migrations.0005_zones_that_there_are")


def test_addresses_become_small_except_where_two_people_would_become_one():
    unguarded("labelhub_user")
    for address in ("Ada@Example.org", "BEN@example.org", "ben@example.org", "c@example.org"):
        User.objects.create(email=address, password=make_password(None))
    sql(own_keys.SMALL_LETTERS)
    assert set(User.objects.values_list("email", flat=True)) == {
        "ada@example.org", "BEN@example.org", "ben@example.org", "c@example.org",
    }  # fmt: skip


def test_a_key_whose_text_somebody_else_read_is_revoked_and_no_other():
    project = make_project()
    moderator = make_member(project, Role.MODERATOR)
    read, own = (make_key(project, "approve", person=moderator) for _ in range(2))
    make_key(project, "ingest")
    update(ApiKey.objects.get(prefix=read.split("_")[1]), created_by_id=make_user().pk)
    sql(own_keys.READ_BY_SOMEBODY_ELSE)
    assert [str(key) for key in ApiKey.objects.exclude(revoked_at=None)] == [read[:15] + "_…"]
    assert ApiKey.objects.filter(prefix=own.split("_")[1]).usable().exists()


def test_whose_time_zone_no_table_knows_lives_by_utc_as_their_pages_did(django_assert_num_queries):
    for zone in ("Europe/Berlin", "Mars/Olympus", "", "UTC"):
        make_user(zone or "nowhere", time_zone=zone)
    with django_assert_num_queries(1):
        zones_there_are.to_utc(apps)
    assert dict(User.objects.values_list("name", "time_zone")) == {
        "Europe/Berlin": "Europe/Berlin", "Mars/Olympus": "UTC", "nowhere": "UTC", "UTC": "UTC",
    }  # fmt: skip
