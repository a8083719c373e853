"""Rules and product issues over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.review.api.own import number_of_address
from annotations.review.bodies import ANYTHING
from annotations.review.payload import choice_of, share_of, text_of, texts_of, truth_of, whole_number_of
from annotations.triage.actions.flags import rules_of
from annotations.triage.actions.issues import issue_of, listed, set_state
from annotations.triage.actions.rules import NAMED, Settings, add_word_list, change_rule, put
from annotations.triage.lookup import rule_of
from annotations.triage.models import ProductIssue, Rule
from annotations.triage.preview import preview, with_figures
from labelhub.body import object_of
from labelhub.errors import Invalid, ensure
from labelhub.keys.authentication import Caller, api
from labelhub.keys.models import Scope
from labelhub.projects.rights import Right

PAGE, QUOTED = 100, 20
RULE = {
    "type": "object",
    "required": ["after"],
    "properties": {
        "after": {"type": "integer", "description": "The version that was read: 409 when somebody changed it."},
        "active": {"type": "boolean"},
        "severity": {"type": "integer", "minimum": 1, "maximum": 3},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "threshold": {"type": ["number", "null"]},
        "words": {"type": "array", "items": {"type": "string"}, "description": "Of a list of words."},
        "preview": {"type": "boolean", "description": "Save nothing: say what it would have flagged."},
    },
}
LIST = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": NAMED}}}
ISSUE = {
    "type": "object",
    "required": ["state"],
    "properties": {"state": {"type": "string", "enum": ProductIssue.State.values}},
}


@extend_schema(methods=["GET"], responses={200: ANYTHING})
@extend_schema(methods=["POST"], request={"application/json": LIST}, responses={201: ANYTHING})
@api("GET", "POST", scope=Scope.APPROVE, right=Right.CURATE)
def rules(request: Request, caller: Caller) -> Response:
    """The rules, with what each did in the last 30 days; POST makes a list of words."""
    if request.method == "POST":
        made = add_word_list(caller.project, text_of(object_of(request), "name"), by=caller.user)
        return Response(rule_body(made), status=201)
    rules_of(caller.project)
    found = with_figures(Rule.objects.filter(project=caller.project)).order_by("pk")
    return Response({"items": [{**rule_body(one), **figures_body(one)} for one in found]})


@extend_schema(methods=["GET"], responses={200: ANYTHING})
@extend_schema(methods=["PATCH"], request={"application/json": RULE}, responses={200: ANYTHING})
@api("GET", "PATCH", scope=Scope.APPROVE, right=Right.CURATE)
def rule(request: Request, caller: Caller, pk: int) -> Response:
    """PATCH changes what is named, as the next version; with "preview" it only says what would have been flagged."""
    found = rule_of(caller.project, pk)
    if request.method == "GET":
        return Response(rule_body(found))
    body = object_of(request)
    settings = settings_of(body, found)
    if truth_of(body, "preview", default=False):
        return Response(preview_body(put(settings, found)))
    return Response(rule_body(change_rule(found, settings, after=whole_number_of(body, "after"), by=caller.user)))


def settings_of(body: dict[str, Any], found: Rule) -> Settings:
    """What the body names; else as `found` has it. Raises Invalid."""
    threshold = body.get("threshold", found.threshold)
    is_number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    ensure(threshold is None or is_number, Invalid("threshold must be a number.", field="threshold"))
    return Settings(
        active=truth_of(body, "active", default=found.active),
        severity=whole_number_of(body, "severity", default=found.severity),
        share=share_of(body, "share", default=found.share),
        threshold=threshold,
        words="\n".join(texts_of(body, "words")) if "words" in body else found.words,
    )


def rule_body(found: Rule) -> dict[str, Any]:
    words = {"words": found.words.splitlines()} if found.kind == Rule.Kind.WORDS else {}
    return {
        "id": found.pk, "kind": found.kind, "name": found.name, "says": found.get_kind_display(), **words,
        "active": found.active, "severity": found.severity, "share": found.share, "threshold": found.threshold,
        "version": found.version,
    }  # fmt: skip


def figures_body(found: Any) -> dict[str, Any]:
    """Of a rule as `with_figures` has it."""
    return {"raised": found.raised, "waiting": found.waiting, "dismissed": found.dismissed}


def preview_body(changed: Rule) -> dict[str, Any]:
    seen = preview(changed)
    quoted = [{"interaction": row.pk, "evidence": said} for row, said in seen.found[:QUOTED]]
    return {"would_flag": len(seen.found), "looked_at": seen.looked_at, "what": seen.what, "newest": quoted}


@extend_schema(responses={200: ANYTHING})
@api("GET", scope=Scope.APPROVE, right=Right.TRIAGE, query=("before",))
def issues(request: Request, caller: Caller) -> Response:
    """Product issues, the newest first; ?before=<id> pages on."""
    found = listed(caller.project, number_of_address(request, "before", 0))[:PAGE]
    items = [{"id": one.pk, "title": one.title, "state": one.state, "sessions": one.met} for one in found]
    return Response({"items": items})


@extend_schema(request={"application/json": ISSUE}, responses={200: ANYTHING})
@api("PATCH", scope=Scope.APPROVE, right=Right.TRIAGE)
def issue(request: Request, caller: Caller, pk: int) -> Response:
    """Close it, or open it again."""
    found = issue_of(caller.project.pk, pk)
    set_state(
        found, to=choice_of(object_of(request), "state", ProductIssue.State.values, required=True), by=caller.user
    )
    return Response({"id": found.pk, "title": found.title, "state": found.state})
