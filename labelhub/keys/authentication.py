"""Who calls the API: a key (which is its project) or a signed-in person (who names it with ?project=<slug>)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from rest_framework.decorators import api_view
from rest_framework.request import Request

from labelhub.errors import Malformed, NotAllowed, NotFound, ensure
from labelhub.keys.models import ApiKey, Scope
from labelhub.people.models import User
from labelhub.projects.actions import has_right
from labelhub.projects.models import Membership, Project
from labelhub.projects.rights import RIGHTS, Right


@dataclass(frozen=True)
class Caller:
    """One request to the API, after its rights were checked."""

    project: Project
    person: User | None  # None for a service's key
    key: ApiKey | None  # None for a signed-in person

    @property
    def user(self) -> User:
        """The person. Raises NotAllowed for a service: it cannot act as somebody."""
        if self.person is None:
            raise NotAllowed("A service's key cannot do this: use a key that belongs to a person.")
        return self.person

    def may(self, right: Right) -> bool:
        """A right beyond the endpoint's own: within the key's scopes, and of the person's role now."""
        return (self.key is None or right in self.key.rights) and has_right(self.user, self.project, right)

    def ensure(self, right: Right) -> None:
        """Raises NotAllowed with the missing right in words."""
        ensure(self.may(right), NotAllowed(f"This key, or your role in {self.project}, lacks: {right.label}."))


def caller(request: Request, *, scope: Scope, right: Right) -> Caller:
    """Raises NotFound for a project that is not the caller's, NotAllowed for a missing scope or role."""
    key = request.auth if isinstance(request.auth, ApiKey) else None
    named = request.query_params.get("project", "")
    if key is None:
        person: Any = request.user
        project = Project.objects.visible_to(person).by_slug(named)
        held = RIGHTS[Membership.objects.get(project=project, user=person).role]
        ensure(right in held, NotAllowed(f"Your role in {project} does not include: {right.label}."))
        return Caller(project, person, None)
    ensure(named in {"", key.project.slug}, NotFound())
    ensure(scope in key.scopes, NotAllowed(f"This key lacks the scope {scope}."))
    if key.person:
        membership = Membership.objects.filter(project=key.project, user=key.person).first()
        ensure(membership is not None, NotFound())
        held = RIGHTS[membership.role] if membership else set()
        ensure(right in held, NotAllowed(f"Your role in {key.project} does not include: {right.label}."))
    return Caller(key.project, key.person, key)


def ensure_known(request: Request, query: Sequence[str]) -> None:
    """Raises Malformed for a query parameter that the endpoint does not read: nothing filters or sorts by guess."""
    unknown = sorted(set(request.query_params) - {"project", *query})
    allowed = ", ".join(["project", *query])
    if unknown:
        raise Malformed(f"Unknown in the address: {unknown[0][:80]!r}. Known: {allowed}.", allowed=["project", *query])


def api(
    *methods: str, scope: Scope, right: Right, query: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An endpoint: `view(request, caller, …)`, called only with the scope (of a key) and the right (of a person).

    `query` names what it reads from the address, besides `project`; anything else is 400.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(request: Request, **kwargs: Any) -> Any:
            known_caller = caller(request, scope=scope, right=right)
            ensure_known(request, query)
            return view(request, known_caller, **kwargs)

        endpoint: Any = api_view(list(methods))(checked)
        endpoint.needs = (scope, right)
        return endpoint

    return decorate
