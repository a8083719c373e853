"""What must hold of projects and of what their judgements are pinned to."""

from django.db.models import Exists, F, OuterRef, Q

from labelhub.invariants import Invariant, differs
from labelhub.projects.models import Category, Guidelines, Membership, Project, Taxonomy
from labelhub.projects.rights import Role

INVARIANTS = [
    Invariant(
        "a project has a taxonomy and guidelines to judge by",
        of=Project.objects.all(),
        broken=~Q(Exists(Taxonomy.objects.filter(project=OuterRef("pk"))))
        | ~Q(Exists(Guidelines.objects.filter(project=OuterRef("pk")))),
        says="Project {row.pk}, {row.slug}, has no taxonomy or no guidelines: nothing can be judged in it. Every "
        "project is made with both, and no page takes them away: restore them from a backup.",
    ),
    Invariant(
        "a category lies below a category of its own taxonomy",
        of=Category.objects.exclude(parent=None),
        broken=differs("parent__taxonomy", F("taxonomy")),
        says="Category {row.pk} of taxonomy {row.taxonomy_id} lies below category {row.parent_id} of another: make a "
        "new version of the taxonomy without it.",
    ),
    Invariant(
        "a member has one of the three roles",
        of=Membership.objects.all(),
        broken=~Q(role__in=Role.values),
        says="Membership {row.pk} has the role {row.role!r}, which nobody knows: give the person a role again.",
    ),
    Invariant(
        "a project's share of test questions is a share",
        of=Project.objects.all(),
        broken=Q(test_share__lt=0) | Q(test_share__gt=0.9),
        says="Project {row.pk}, {row.slug}, keeps {row.test_share} of its questions out to test with: set 0 to 0.9.",
    ),
]
