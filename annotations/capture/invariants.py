"""What must hold of what was captured: text as it came, ids of the client's own, nothing lost between sign and call."""

from datetime import timedelta
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db.models import BigIntegerField, BooleanField, Exists, F, Model, OuterRef, Q, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.db.models.lookups import Regex

from annotations.capture.models import (
    Feedback,
    ImportJob,
    Interaction,
    Metric,
    RawPayload,
    Score,
    Session,
    Watermark,
)
from annotations.capture.scoring import JUDGE
from labelhub.invariants import Invariant, carriage_return_in, differs, no_sha256
from labelhub.projects.models import Project

TEXTS = (
    "external_id", "system_context", "prompt", "output", "model_version", "prompt_version", "environment", "user_role",
)  # fmt: skip
VALUES = ("turns", "documents", "metadata")
LINKED_AFTER = timedelta(minutes=15)  # two that arrive at the same moment are linked by the next follow-up
_ESCAPE = r"\\u(0000|d[89a-f][0-9a-f]{2})"
_GRACE = TransactionNow() - LINKED_AFTER
_ABOUT_INTERACTION = Interaction.objects.filter(
    project=OuterRef("project"), external_id=OuterRef("about_interaction"), received_at__lt=_GRACE
)
_ABOUT_SESSION = Session.objects.filter(
    project=OuterRef("project"), external_id=OuterRef("about_session"), first_seen_at__lt=_GRACE
)
# Of the present month and the next; a payload is received in one of them.
_A_MONTH_LACKS_ITS_PARTITION = RawSQL(
    "EXISTS (SELECT FROM generate_series(0, 1) AS n WHERE to_regclass('annotations_rawpayload_' || "
    "to_char(now() AT TIME ZONE 'UTC' + make_interval(months => n), 'YYYYMM')) IS NULL)", [],
    output_field=BooleanField(),
)  # fmt: skip
_BY_DEFAULT = RawSQL("tableoid = 'annotations_rawpayload_other'::regclass", [], output_field=BooleanField())


def _no_escape() -> Q:
    """No text shows what was written for a character that Postgres cannot hold."""
    shown = Q()
    for name in (*TEXTS, "session__external_id"):
        shown |= Q(**{f"{name}__regex": _ESCAPE})
    for name in VALUES:
        shown |= Q(Regex(Cast(name, TextField()), _ESCAPE))
    return ~shown


def _ids_are_unique(model: type[Any], one: str) -> Invariant:
    twins = model.objects.filter(
        project=OuterRef("project"), external_id=OuterRef("external_id"), pk__lt=OuterRef("pk")
    )
    return Invariant(
        f"{one} has an id of the client's that is its own in the project",
        of=model.objects.all(),
        broken=Q(external_id="") | Q(Exists(twins)),
        says=f"{model.__name__} {{row.pk}} has the external id {{row.external_id!r}}, which is empty or another's too: "
        "erase the one that nothing refers to.",
    )


def _body_is_hashed(model: type[Any], one: str) -> Invariant:
    return Invariant(
        f"{one} keeps the hash of its body, which tells a replay from a conflict",
        of=model.objects.all(),
        broken=no_sha256("body_sha256"),
        says=f"{model.__name__} {{row.pk}} has no sha256 of its body: sending it again would be a conflict.",
    )


def _last_id(model: type[Model]) -> RawSQL:
    """The highest id that was ever drawn, of rows that are gone too."""
    last = "coalesce(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)"
    return RawSQL(last, [model._meta.db_table], output_field=BigIntegerField())


def reads_no_further(follow_up: str, model: type[Model]) -> Invariant:
    """For the slice whose follow-up it is: a watermark beyond the last id would pass over what is still to come."""
    return Invariant(
        f"{follow_up} has read no further than the last {model._meta.verbose_name}",
        of=Watermark.objects.filter(follow_up=follow_up),
        broken=Q(position__gt=_last_id(model)),
        says="Watermark {row.pk}, {row.follow_up} of project {row.project_id}, stands at {row.position}, beyond the "
        "last id: set it back, what comes next would be passed over.",
    )


INVARIANTS = [
    Invariant(
        "an interaction's lines end with a line feed",
        of=Interaction.objects.all(),
        broken=carriage_return_in(*TEXTS, values=VALUES),
        says="Interaction {row.pk} holds a carriage return: offsets into its text differ from what browsers count.",
    ),
    Invariant(
        "the words of a sign end their lines with a line feed",
        of=Feedback.objects.all(),
        broken=carriage_return_in("external_id", "about_interaction", "about_session", "text", "end_user"),
        says="Feedback {row.pk} holds a carriage return: it was not stored by ingest.",
    ),
    Invariant(
        "an interaction marked as escaped shows its escape",
        of=Interaction.objects.filter(text_escaped=True),
        broken=_no_escape(),
        says="Interaction {row.pk} is marked as escaped and no text of it holds an escape: its text was changed.",
    ),
    _ids_are_unique(Session, "a session"),
    _ids_are_unique(Interaction, "an interaction"),
    _ids_are_unique(Feedback, "a sign"),
    _body_is_hashed(Interaction, "an interaction"),
    _body_is_hashed(Feedback, "a sign"),
    Invariant(
        "feedback is parked only while what it is about is missing",
        of=Feedback.objects.parked(),
        broken=Q(received_at__lt=_GRACE)
        & (
            ~Q(about_interaction="") & Q(Exists(_ABOUT_INTERACTION))
            | Q(about_interaction="") & Q(Exists(_ABOUT_SESSION))
        ),
        says="Feedback {row.pk} is parked and what it is about is there: start a worker, the next follow-up links it.",
    ),
    Invariant(
        "feedback is linked to the interaction that it names",
        of=Feedback.objects.exclude(interaction=None),
        broken=~Q(about_interaction="") & differs("about_interaction", F("interaction__external_id")),
        says="Feedback {row.pk} names {row.about_interaction!r:.80} and is linked to interaction {row.interaction_id}.",
    ),
    Invariant(
        "feedback lies in the session of its interaction",
        of=Feedback.objects.exclude(interaction=None),
        broken=Q(session=None) | differs("session", F("interaction__session")),
        says="Feedback {row.pk} lies in session {row.session_id}, its interaction {row.interaction_id} in another.",
    ),
    Invariant(
        "a sign has a value, or words, that fit its kind",
        of=Feedback.objects.all(),
        broken=Q(kind="thumb") & (Q(value=None) | ~Q(value__in=[1, -1]))
        | Q(kind="rating") & (Q(value=None) | Q(value__lt=1) | Q(value__gt=5))
        | Q(kind="dwell") & (Q(value=None) | Q(value__lt=0))
        | Q(kind__in=["comment", "rewrite", "category"], text=""),
        says="Feedback {row.pk} is a {row.kind} of value {row.value}: rules would misread it.",
    ),
    Invariant(
        "an interaction's confidence is a share and its duration no less than zero",
        of=Interaction.objects.all(),
        broken=Q(confidence__lt=0) | Q(confidence__gt=1) | Q(duration_ms__lt=0),
        says="Interaction {row.pk} has confidence {row.confidence} and took {row.duration_ms} ms.",
    ),
    Invariant(
        "a score is what its metric asks for: a number, or a class",
        of=Score.objects.given(),
        broken=Q(metric__kind=Metric.Kind.NUMBER) & (Q(value=None) | ~Q(label=""))
        | Q(metric__kind=Metric.Kind.CLASS) & (~Q(value=None) | Q(label="")),
        says="Score {row.pk} of metric {row.metric_id} has the value {row.value} and the class {row.label!r:.40}.",
    ),
    Invariant(
        "the judge model gives numbers from 0 to 1",
        of=Score.objects.filter(metric__name=JUDGE),
        broken=Q(value__lt=0) | Q(value__gt=1),
        says="Score {row.pk} of the judge model is {row.value}: rules would misread it.",
    ),
    Invariant(
        "a raw payload is of an interaction of its project",
        of=RawPayload.objects.all(),
        broken=~Q(Exists(Interaction.objects.filter(pk=OuterRef("interaction_id"), project=OuterRef("project_id")))),
        says="The raw payload of interaction {row.interaction_id}, received {row.received_at:%Y-%m-%d}, belongs to "
        "nothing in project {row.project_id}: delete it.",
    ),
    Invariant(
        "this month and the next have a partition of their own for what a project captures",
        of=Project.objects.all(),
        broken=Q(_A_MONTH_LACKS_ITS_PARTITION),
        says="Raw payloads of project {row.pk} would fall into the default partition this month or the next: start a "
        "worker, it makes their partitions within ten minutes.",
    ),
    Invariant(
        "a raw payload lies in the partition of its month",
        of=RawPayload.objects.all(),
        broken=Q(_BY_DEFAULT),
        says="The raw payload of interaction {row.interaction_id}, received {row.received_at:%Y-%m-%d}, lies in the "
        "default partition: start a worker, it moves within ten minutes.",
    ),
    Invariant(
        "an import that ended says when and how",
        of=ImportJob.objects.all(),
        broken=Q(state=ImportJob.State.RUNNING, finished_at__isnull=False)
        | ~Q(state=ImportJob.State.RUNNING) & Q(finished_at=None)
        | Q(state=ImportJob.State.FAILED, rejects=[])
        | Q(state=ImportJob.State.DONE) & (~Q(rejects=[]) | ~Q(lines=F("created") + F("already_there"))),
        says="Import {row.pk} is {row.state}: {row.lines} lines, {row.created} new, {row.already_there} known, "
        "finished {row.finished_at}. Import the file again: what is there stays as it is.",
    ),
]
