"""Each invariant of projects finds the breach that is planted for it, and only that one does."""

import pytest

from labelhub.projects.invariants import INVARIANTS
from labelhub.projects.models import Category, Membership, Taxonomy
from tests.factories import make_project
from tests.planting import Planting, sql, update

pytestmark = pytest.mark.django_db
plant = Planting(INVARIANTS)


@pytest.fixture
def world():
    project = make_project()
    first, second = Category.objects.filter(taxonomy__project=project)[:2]
    Category.objects.filter(pk=second.pk).update(parent=first)
    return project


@plant("a project has a taxonomy and guidelines to judge by")
def _(project):
    sql("DELETE FROM labelhub_guidelines WHERE project_id = %s", project.pk)


@plant("a category lies below a category of its own taxonomy")
def _(project):
    other = Taxonomy.objects.create(project=project, version=2)
    update(Category.objects.exclude(parent=None).get(), taxonomy_id=other.pk)


@plant("a member has one of the three roles")
def _(project):
    update(Membership.objects.get(project=project), role="owner")


@plant("a project's share of test questions is a share")
def _(project):
    update(project, test_share=1.5)


@pytest.mark.bar("doctor")
@pytest.mark.parametrize("name", plant.names)
def test_a_planted_breach_is_found_by_its_invariant_alone(world, name):
    plant.shows(name, world)
