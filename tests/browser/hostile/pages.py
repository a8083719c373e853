"""Every address of the site: where hostile text is looked for, or why there is none to look for."""

from collections.abc import Iterator
from urllib.parse import quote

from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from tests.browser.hostile.fields import ADMINISTERED, World
from training.evaluation.models import Case

POST_ONLY = "takes POST only: what it answers with is a page of this list"
OF_THE_SIGN_IN = "says nothing that is stored but who is signed in"

# What people read: opened for every hostile text. {name} is filled in by `places`; several addresses stand apart.
PAGES = {
    "p/<slug:slug>/": "/p/{slug}/",
    "p/<slug:slug>/q/<slug:queue>/": "/p/{slug}/q/words/ /p/{slug}/q/pairs/",
    "p/<slug:slug>/q/<slug:queue>/tasks/": "/p/{slug}/q/words/tasks/",
    "p/<slug:slug>/labels/": "/p/{slug}/labels/",
    "p/<slug:slug>/cases/": "/p/{slug}/cases/",
    "p/<slug:slug>/cases/<int:pk>/": "/p/{slug}/cases/{interaction}/",
    "p/<slug:slug>/agreement/": "/p/{slug}/agreement/",
    "p/<slug:slug>/taxonomy/": "/p/{slug}/taxonomy/",
    "p/<slug:slug>/guidelines/": "/p/{slug}/guidelines/",
    "p/<slug:slug>/labels/last/": "/p/{slug}/labels/last/",
    "p/<slug:slug>/labels/<int:pk>/": "/p/{slug}/labels/{label}/ /p/{slug}/labels/{overruled}/",
    "p/<slug:slug>/labels/<int:pk>/revision/": "/p/{slug}/labels/{revisable}/revision/",
    "p/<slug:slug>/tasks/<int:pk>/preview/": "/p/{slug}/tasks/{task}/preview/",
    "p/<slug:slug>/tasks/<int:pk>/similar/": "/p/{slug}/tasks/{task}/similar/",
    "p/<slug:slug>/approvals/": "/p/{slug}/approvals/",
    "p/<slug:slug>/guidance/": "/p/{slug}/guidance/ /p/{slug}/guidance/?session={session}",
    "p/<slug:slug>/adjudications/": "/p/{slug}/adjudications/",
    "p/<slug:slug>/adjudications/<int:pk>/": "/p/{slug}/adjudications/{disputed}/",
    "p/<slug:slug>/approvals/<int:pk>/": "/p/{slug}/approvals/{label}/ /p/{slug}/approvals/{choice}/",
    "p/<slug:slug>/triage/": "/p/{slug}/triage/?tab=view-{SavedView} /p/{slug}/triage/",
    "p/<slug:slug>/triage/<int:pk>/": "/p/{slug}/triage/{session}/",
    "p/<slug:slug>/triage/issues/": "/p/{slug}/triage/issues/",
    "p/<slug:slug>/triage/issues/<int:pk>/": "/p/{slug}/triage/issues/{ProductIssue}/",
    "p/<slug:slug>/triage/rules/": "/p/{slug}/triage/rules/",
    "p/<slug:slug>/triage/rules/<int:pk>/": "/p/{slug}/triage/rules/{Rule}/",
    "p/<slug:slug>/sessions/<int:pk>/": "/p/{slug}/sessions/{session}/",
    "p/<slug:slug>/sessions/<int:pk>/answers/": "/p/{slug}/sessions/{session}/answers/",
    "p/<slug:slug>/scores/": "/p/{slug}/scores/ /p/{slug}/scores/?of=reception&days=90&says={words}",
    "admin/training/trainingrun/launch/": "/admin/training/trainingrun/launch/?project={slug}",
    "admin/training/trainingrun/<path:object_id>/change/": "/admin/training/trainingrun/{TrainingRun}/change/",
    "admin/training/modelversion/<path:object_id>/change/": "/admin/training/modelversion/{ModelVersion}/change/",
    "admin/training/suite/case/<int:pk>/retire/": "/admin/training/suite/case/{case}/retire/",
}
# Opened with one of a handful in turn: lists over all projects of the person, the stock admin, echoes of the address.
SHARED = {
    "": "/",
    "me/": "/me/",
    "me/keys/": "/me/keys/",
    "me/notices/": "/me/notices/",
    "me/shortcuts/": "/me/shortcuts/",
    "p/<slug:slug>/triage/rows/": "/p/{slug}/triage/rows/?seen={words}&at={words}",
    "api/v1/interactions/<int:pk>/": "/api/v1/interactions/{interaction}/?project={slug}",
    "api/v1/interactions/standing/": "/api/v1/interactions/standing/?project={slug}",
    "api/v1/interactions/<int:pk>/standing/": "/api/v1/interactions/{interaction}/standing/?project={slug}",
    "api/v1/feedback/parked/": "/api/v1/feedback/parked/?project={slug}",
    "api/v1/metrics/": "/api/v1/metrics/?project={slug}",
    "api/v1/sessions/flagged/": "/api/v1/sessions/flagged/?project={slug}",
    "api/v1/decisions/<int:pk>/": "/api/v1/decisions/{words}/",
    "api/v1/agreement/": "/api/v1/agreement/?project={slug}",
    "api/v1/taxonomy/": "/api/v1/taxonomy/?project={slug}",
    "api/v1/guidelines/": "/api/v1/guidelines/?project={slug}",
    "api/v1/queues/": "/api/v1/queues/?project={slug}",
    "api/v1/adjudications/": "/api/v1/adjudications/?project={slug}",
    "api/v1/labels/": "/api/v1/labels/?project={slug}",
    "api/v1/guidance/": "/api/v1/guidance/?project={slug}",
    "api/v1/rules/": "/api/v1/rules/?project={slug}",
    "api/v1/rules/<int:pk>/": "/api/v1/rules/{Rule}/?project={slug}",
    "api/v1/issues/": "/api/v1/issues/?project={slug}",
    "api/v1/labels/<int:pk>/": "/api/v1/labels/{label}/?project={slug}",
    "api/v1/snapshots/": "/api/v1/snapshots/?project={slug}",
    "api/v1/snapshots/<int:number>/": "/api/v1/snapshots/1/?project={slug}",
    "api/v1/runs/": "/api/v1/runs/?project={slug}",
    "api/v1/runs/<int:number>/": "/api/v1/runs/1/?project={slug}",
    "api/v1/versions/": "/api/v1/versions/?project={slug}",
    "api/v1/versions/<int:number>/": "/api/v1/versions/1/?project={slug}",
    "api/v1/versions/<int:number>/gate/": "/api/v1/versions/1/gate/?project={slug}",
    "api/v1/evaluations/<int:pk>/": "/api/v1/evaluations/{evaluation}/?project={slug}",
    "api/v1/suites/<slug:slug>/cases/": "/api/v1/suites/heldout/cases/?project={slug}",
    "api/v1/promotions/": "/api/v1/promotions/?project={slug}",
    "v1/models": "/v1/models?project={words}",
    "api/docs/": "/api/docs/?x={words}",
    "admin/": "/admin/",
    "admin/^(?P<app_label>labelhub|annotations|training)/$": "/admin/training/",
    "admin/(?P<url>.*)$": "/admin/{words}/",
    "admin/training/trainingrun/<int:pk>/live/": "/admin/training/trainingrun/{run}/live/?seen={words}",
    "accounts/login/": "/accounts/login/?next={words}",
    "accounts/logout/": "/accounts/logout/?next={words}",
    "accounts/password/change/": "/accounts/password/change/?next={words}",
    "accounts/reauthenticate/": "/accounts/reauthenticate/?next={words}",
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": "/accounts/confirm-email/{words}/",
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "/accounts/password/reset/key/1-{words}/",
}
NOTHING_TO_SHOW = {
    **dict.fromkeys(
        [f"p/<slug:slug>/tasks/<int:pk>/{verb}/" for verb in ("claim", "draft", "flag", "label", "skip", "snooze", "lease", "release")]
        + [f"{area}guidance/<int:pk>/{verb}/" for area in ("p/<slug:slug>/", "api/v1/") for verb in ("approval", "retirement")]
        + ["p/<slug:slug>/triage/views/", "p/<slug:slug>/triage/views/<int:pk>/removal/"]
        + [f"p/<slug:slug>/triage/<int:pk>/{verb}/" for verb in ("route", "dismissal", "escalation", "issue", "take", "correction", "merge")]
        + [f"p/<slug:slug>/approvals/{verb}/" for verb in ("<int:pk>/approval", "<int:pk>/return", "all")]
        + [f"p/<slug:slug>/q/<slug:queue>/{verb}/" for verb in ("claim", "tasks/labels", "tasks/assignment", "tasks/undo")]
        + ["p/<slug:slug>/decisions/<int:pk>/undo/", "p/<slug:slug>/decisions/undo/", "me/keys/revoked/", "me/notices/read/", "p/<slug:slug>/labels/<int:pk>/withdrawal/", "p/<slug:slug>/labels/<int:pk>/calibration/"]
        + [f"api/v1/{noun}/" for noun in ("interactions", "interactions/batch", "feedback", "feedback/batch", "scores", "decisions")]
        + [f"api/v1/{noun}/" for noun in ("queues/<slug:slug>/tasks", "queues/<slug:slug>/claim", "queues/<slug:slug>/labels", "queues/<slug:slug>/pairs", "queues/<slug:slug>/assignments", "context", "rollback")]
        + [f"api/v1/tasks/<int:pk>/{noun}/" for noun in ("claim", "draft", "flag", "labels", "adjudication")]
        + [f"{area}comments/<int:pk>/{noun}/" for area in ("p/<slug:slug>/", "api/v1/") for noun in ("replies", "resolution")]
        + [f"api/v1/labels/<int:pk>/{noun}/" for noun in ("approval", "return", "withdrawal", "revision", "calibration")]
        + ["api/v1/issues/<int:pk>/", "api/v1/cases/<int:pk>/retire/", "api/v1/runs/<int:number>/cancel/", "api/v1/versions/<int:number>/evaluations/", "v1/chat/completions"]
        + ["admin/training/trainingrun/freeze/", "admin/training/trainingrun/<int:pk>/cancel/"]
        + [f"admin/training/modelversion/<int:pk>/{verb}/" for verb in ("promote", "rollback", "evaluate")],
        POST_ONLY,
    ),
    **dict.fromkeys(
        ["admin/login/", "admin/logout/", "admin/password_change/", "admin/password_change/done/"]
        + [f"accounts/{page}/" for page in ("inactive", "signup", "email", "confirm-email", "login/code/confirm")]
        + [f"accounts/password/{page}/" for page in ("set", "reset", "reset/done", "reset/key/done")],
        OF_THE_SIGN_IN,
    ),
    **dict.fromkeys(["health/live", "health/ready", "health/worker"], "for machines: figures only"),
    "admin/jsi18n/": "a script without data",
    "p/<slug:slug>/triage/issues/<int:pk>/sessions.jsonl": "a file for machines: JSON Lines, as the texts came",
    "api/schema/": "a file for machines, made of our code; api/docs/ shows it",
}  # fmt: skip
for _model in ADMINISTERED:
    _route = f"admin/{_model._meta.app_label}/{_model._meta.model_name}/"
    SHARED |= {
        _route: f"/{_route}?q={{words}}&p={{words}}",
        f"{_route}add/": f"/{_route}add/?name={{words}}&email={{words}}&service={{words}}",
        f"{_route}<path:object_id>/history/": f"/{_route}{{{_model.__name__}}}/history/",
        f"{_route}<path:object_id>/delete/": f"/{_route}{{{_model.__name__}}}/delete/",
        f"{_route}<path:object_id>/": f"/{_route}{{words}}/",
    }
    if f"{_route}<path:object_id>/change/" not in PAGES:
        SHARED[f"{_route}<path:object_id>/change/"] = f"/{_route}{{{_model.__name__}}}/change/"
# What the admin shows of one row: `make verify` opens it for every hostile text, too.
OF_A_ROW = {route for route in SHARED if route.endswith(("/change/", "/history/", "/delete/"))}
ELSEWHERE = {  # what these addresses answer, when it is not their page
    "api/v1/decisions/<int:pk>/": 404,
    "v1/models": 401,
    "admin/(?P<url>.*)$": 404,
    "accounts/login/": 404,  # who is signed in is led on, to an address that is not there
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": 404,
    **{f"admin/{model._meta.app_label}/{model._meta.model_name}/<path:object_id>/": 404 for model in ADMINISTERED},
}


ONE_LINE = "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"  # its pattern knows no line end


def answers_of(route: str, words: str) -> set[int]:
    """The statuses that its page may have. Most rows are made and deleted by acts, not in the admin."""
    if route == ONE_LINE and "\n" in words[:200]:
        return {404}
    return {200, 403} if route.endswith(("/add/", "/delete/")) else {ELSEWHERE.get(route, 200)}


def routes() -> set[str]:
    return set(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for pattern in patterns:
        whole = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, whole)
        else:
            yield whole


def registered() -> set[type[models.Model]]:
    return set(admin.site._registry)


def addresses(route: str, world: World) -> list[str]:
    return (PAGES | SHARED)[route].format(**places(world)).split(" ")


def places(world: World) -> dict[str, object]:
    """What stands in the addresses of one project."""
    return {
        "slug": world.project.slug, "label": world.waiting.pk, "choice": world.choice.pk, "disputed": world.disputed.pk, "overruled": world.overruled.pk, "revisable": world.revisable.pk, "task": world.waiting.task_id, "session": world.session.pk,
        "interaction": world.interactions[0].pk, "run": world.run.pk, "case": Case.objects.of(world.project).earliest("pk").pk,
        "evaluation": world.version.evaluations.first().pk,
        "words": quote(world.words[:200], safe="", errors="replace").replace("%00", ""),
        **{model.__name__: row.pk for model, row in world.rows.items()},
    }  # fmt: skip
