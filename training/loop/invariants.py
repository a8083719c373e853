"""What must hold across all slices: whatever hangs together is of one project; weights lead back to people."""

from collections import deque
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import F, Q

from labelhub.invariants import Invariant, differs
from labelhub.projects.models import Project
from training.loop.lineage import lineage_ok
from training.runs.models import ModelVersion

APPS = ("labelhub", "annotations", "training")
Model = type[models.Model]


def ours() -> list[Model]:
    """Every model of ours, those between two many-to-many ones too, in the order of the apps."""
    return [model for app in APPS for model in apps.get_app_config(app).get_models(include_auto_created=True)]


def foreign_keys(model: Model) -> list[Any]:
    return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]


def path_to_project(model: Model) -> str:
    """The shortest way from a row to its project over keys that are never empty: `label__project`; '' without one."""
    paths: deque[tuple[Model, str]] = deque([(model, "")])
    seen = {model}
    while paths:
        here, path = paths.popleft()
        for key in foreign_keys(here):
            if key.null or key.related_model in seen:
                continue
            if key.related_model is Project:
                return f"{path}{key.name}"
            seen.add(key.related_model)
            paths.append((key.related_model, f"{path}{key.name}__"))
    return ""


def links(model: Model) -> list[tuple[str, str]]:
    """(key, way from there to a project) of each key of the model that could lead to another project than its own."""
    own = path_to_project(model)
    keys = [(key.name, path_to_project(key.related_model)) for key in foreign_keys(model)]
    return [(name, path) for name, path in keys if own and path and own != f"{name}__{path}"]


def in_one_project(model: Model) -> Invariant:
    own = path_to_project(model)
    broken, called = Q(), model._meta.verbose_name
    for name, path in links(model):
        broken |= differs(f"{name}__{path}", F(own))
    keys = ", ".join(name for name, _ in links(model))
    return Invariant(
        f"{called} and what it points to are of one project: {keys}",
        of=model._default_manager.all(),
        broken=broken,
        says=f"{str(called).capitalize()} {{row.pk}} points to a row of another project: {keys}. Erase one of them.",
    )


def state_is_known(model: Any) -> Invariant:
    called = model._meta.verbose_name
    return Invariant(
        f"{called} is in a state that there is",
        of=model._default_manager.all(),
        broken=~Q(state__in=model.State.values),
        says=f"{str(called).capitalize()} {{row.pk}} is {{row.state!r:.40}}, which is no state: nothing will move it.",
    )


def _leads_back(version: ModelVersion) -> str:
    breaches = lineage_ok(version)
    return f"{'; '.join(breaches[:3])}." if breaches else ""


INVARIANTS = [
    *(in_one_project(model) for model in ours() if links(model)),
    *(state_is_known(model) for model in ours() if hasattr(model, "MOVES")),
    Invariant(
        "a version's weights lead back to its rows, labels and people, each hashed again",
        of=ModelVersion.objects.exclude(run=None).select_related("run__snapshot"),
        says=_leads_back,
        slow=True,
    ),
]
