"""Who calls the API: a key (which is its project) or a signed-in person (who names it with ?project=<slug>)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from rest_framework.decorators import api_view
from rest_framework.request import Request

from labelhub.errors import NotAllowed, NotFound, ensure
from labelhub.keys.models import ApiKey, Scope
from labelhub.people.models import User
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


def caller(request: Request, *, scope: Scope, right: Right) -> Caller:
    """Raises NotFound for a project that is not the caller's, NotAllowed for a missing scope or role."""
    key = request.auth if isinstance(request.auth, ApiKey) else None
    if key is None:
        person: Any = request.user
        project = Project.objects.visible_to(person).by_slug(request.query_params.get("project", ""))
        held = RIGHTS[Membership.objects.get(project=project, user=person).role]
        ensure(right in held, NotAllowed(f"Your role in {project} does not include: {right.label}."))
        return Caller(project, person, None)
    ensure(scope in key.scopes, NotAllowed(f"This key lacks the scope {scope}."))
    if key.person:
        membership = Membership.objects.filter(project=key.project, user=key.person).first()
        ensure(membership is not None, NotFound())
        held = RIGHTS[membership.role] if membership else set()
        ensure(right in held, NotAllowed(f"Your role in {key.project} does not include: {right.label}."))
    return Caller(key.project, key.person, key)


def api(*methods: str, scope: Scope, right: Right) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An endpoint: `view(request, caller, …)`, called only with the scope (of a key) and the right (of a person)."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(request: Request, **kwargs: Any) -> Any:
            return view(request, caller(request, scope=scope, right=right), **kwargs)

        endpoint: Any = api_view(list(methods))(checked)
        endpoint.needs = (scope, right)
        return endpoint

    return decorate
