"""Each invariant of keys finds the breach that is planted for it, and only that one does."""

import pytest

from labelhub.keys.invariants import INVARIANTS
from labelhub.keys.models import ApiKey, Scope
from tests.factories import make_key, make_member, make_project
from tests.planting import Planting, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@pytest.fixture
def world() -> ApiKey:
    """A service's key, beside a person's."""
    project = make_project()
    make_key(project, Scope.LABEL, person=make_member(project))
    make_key(project, Scope.INGEST)
    return ApiKey.objects.get(person=None)


@plant("of a key's secret only the hash is kept")
def _(key):
    update(key, secret_sha256="correct horse battery staple")


@plant("a key belongs to one person or to one named service")
def _(key):
    update(key, service="")


@plant("a key that acts as a person was made by that person")
def _(key):
    theirs = ApiKey.objects.exclude(person=None).get()
    update(theirs, created_by_id=key.created_by_id)


@plant("a service's key may ingest, send feedback, read and inject, nothing else")
def _(key):
    update(key, scopes=["ingest", "approve"])


@plant("a key holds scopes that exist")
def _(key):
    update(key, scopes=["ingest", "everything"])


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)
