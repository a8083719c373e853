"""A project is one model-backed product; everything below it belongs to exactly one project."""

from typing import Any, ClassVar, Self

from django.db import models
from django.utils.functional import cached_property

from labelhub.errors import NotFound
from labelhub.people.models import User
from labelhub.projects.outline import Entry
from labelhub.projects.rights import RIGHTS, Role, roles_with


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Any) -> Self:
        """Projects that `user` is a member of. An operator is nobody special here."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        return self.filter(membership__user=user).distinct()

    def where(self, user: Any, right: str) -> Self:
        """Projects in which `user` has `right`."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        return self.filter(membership__user=user, membership__role__in=roles_with(right)).distinct()

    def by_slug(self, slug: str) -> "Project":
        """Raises NotFound: the same words for unknown, foreign and not allowed."""
        project = None if "\x00" in slug else self.filter(slug=slug).first()  # Postgres does not even look for a NUL
        if project is None:
            raise NotFound
        return project


class Project(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    two_person_promotion = models.BooleanField(default=True, help_text="Who launched a run cannot promote its version.")
    test_share = models.FloatField(default=0.2, help_text="Share of prompt groups kept out of training, 0 to 0.9.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[ProjectQuerySet] = ProjectQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(test_share__gte=0, test_share__lte=0.9), name="project_test_share_is_a_share"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def taxonomy(self) -> "Taxonomy":
        """The newest version of the categories when it was first asked for."""
        return Taxonomy.objects.filter(project=self).prefetch_related("category_set").latest("version")

    @cached_property
    def guidelines(self) -> "Guidelines":
        """The newest version of the instructions when it was first asked for."""
        return Guidelines.objects.filter(project=self).latest("version")


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user).select_related("project").order_by("project__name")

    def admins_of(self, project: Project) -> Self:
        """Those who can still sign in."""
        return self.filter(project=project, role=Role.ADMIN, user__is_active=True)


class Membership(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    user = models.ForeignKey(User, models.CASCADE)
    role = models.CharField(max_length=10, choices=Role)
    since = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[MembershipQuerySet] = MembershipQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_is_one_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project} as {self.role}"

    def has(self, right: str) -> bool:
        return right in RIGHTS[self.role]


class Taxonomy(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "taxonomies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "version"], name="taxonomy_version_is_unique")
        ]

    def __str__(self) -> str:
        return f"Taxonomy {self.version}"

    @property
    def entries(self) -> list[Entry]:
        """Its categories as they are written down, each after the one that it lies below."""
        found = self.category_set.select_related("parent")
        return [Entry(one.slug, one.name, one.description, one.parent.slug if one.parent else "") for one in found]


class Category(models.Model):
    taxonomy = models.ForeignKey(Taxonomy, models.CASCADE)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name_plural = "categories"
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["taxonomy", "slug"], name="category_slug_is_unique_in_its_taxonomy")
        ]

    def __str__(self) -> str:
        return self.name


class Guidelines(models.Model):
    project = models.ForeignKey(Project, models.CASCADE)
    version = models.PositiveIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "guidelines"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "version"], name="guidelines_version_is_unique")
        ]

    def __str__(self) -> str:
        return f"Guidelines {self.version}"
