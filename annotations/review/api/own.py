"""What of a project a caller may see, and the numbers of an address."""

from rest_framework.request import Request

from annotations.review.models import Label, LabelQuerySet
from labelhub.errors import Invalid, NotFound, ensure
from labelhub.keys.authentication import Caller
from labelhub.projects.rights import Right


def number_of_address(request: Request, name: str, default: int) -> int:
    """A whole number of the address. Raises Invalid."""
    value = request.query_params.get(name)
    if value is None:
        return default
    fits = value.isascii() and value.isdecimal() and len(value) < 19
    ensure(fits, Invalid(f"{name} must be a whole number, at least 0.", field=name))
    return int(value)


def labels_of_caller(caller: Caller) -> LabelQuerySet:
    """Those of the project that the caller may see; a key without the scope to approve shows the person's own."""
    labels = Label.objects.visible_to(caller.user).filter(project=caller.project).with_evidence()
    return labels if caller.may(Right.APPROVE) else labels.filter(author=caller.user)


def label_of_caller(caller: Caller, pk: int) -> Label:
    label = labels_of_caller(caller).with_threads().filter(pk=pk).first()
    if label is None:
        raise NotFound
    return label
