"""What must hold of flags and of the decisions on them."""

from django.db.models import Exists, F, OuterRef, Q

from annotations.capture.invariants import reads_no_further
from annotations.capture.models import Feedback, Interaction
from annotations.review.models import ReviewTask
from annotations.triage.models import Decision, Flag
from annotations.triage.rules import EXEMPLARS
from labelhub.invariants import Invariant, differs

_DECIDED = Decision.flags.through.objects.all()  # one row for each flag of each decision
_CLOSED = _DECIDED.filter(decision__kind__in=Decision.CLOSING)
_HELD = Decision.tasks.through.objects.all()  # one row for each task of each decision
_ITS_FLAG = _DECIDED.filter(decision=OuterRef("decision"), flag__interaction=OuterRef("reviewtask__interaction"))
_ITS_TASK = ReviewTask.objects.filter(queue=OuterRef("decision__queue"), interaction=OuterRef("flag__interaction"))

INVARIANTS = [
    Invariant(
        "a flag is raised on the session of its interaction",
        of=Flag.objects.all(),
        broken=differs("session", F("interaction__session")),
        says="Flag {row.pk} is on session {row.session_id}, its interaction {row.interaction_id} lies in another.",
    ),
    Invariant(
        "a rule raises one flag on an interaction",
        of=Flag.objects.exclude(rule=None),
        broken=Q(
            Exists(
                Flag.objects.filter(rule=OuterRef("rule"), interaction=OuterRef("interaction"), pk__lt=OuterRef("pk"))
            )
        ),
        says="Flag {row.pk}: rule {row.rule_id} had flagged interaction {row.interaction_id} before.",
    ),
    Invariant(
        "praise makes an exemplar and every other rule a defect",
        of=Flag.objects.exclude(rule=None),
        broken=Q(rule__kind__in=EXEMPLARS, kind=Flag.Kind.DEFECT)
        | ~Q(rule__kind__in=EXEMPLARS) & Q(kind=Flag.Kind.EXEMPLAR),
        says="Flag {row.pk} of rule {row.rule_id} is a {row.kind}: it stands on the wrong side of the board.",
    ),
    Invariant(
        "a flag says in words why it was raised, and how bad it is",
        of=Flag.objects.all(),
        broken=Q(evidence="") | Q(severity__lt=1) | Q(severity__gt=3),
        says="Flag {row.pk} has severity {row.severity} and the evidence {row.evidence!r:.80}.",
    ),
    Invariant(
        "a decision is on at least one flag",
        of=Decision.objects.all(),
        broken=~Q(Exists(_DECIDED.filter(decision=OuterRef("pk")))),
        says="Decision {row.pk} on session {row.session_id} decides nothing: delete it.",
    ),
    Invariant(
        "a decision is on flags of its own session",
        of=_DECIDED,
        broken=differs("flag__session", F("decision__session")),
        says="Decision {row.decision_id} covers flag {row.flag_id} of another session: that one is open no more.",
    ),
    Invariant(
        "a flag is decided on once",
        of=_CLOSED,
        broken=Q(Exists(_CLOSED.filter(flag=OuterRef("flag"), pk__lt=OuterRef("pk")))),
        says="Flag {row.flag_id} was decided on before decision {row.decision_id}: undo one of the two.",
    ),
    Invariant(
        "what was dismissed has a reason and went to no queue",
        of=Decision.objects.filter(kind=Decision.Kind.DISMISS),
        broken=Q(reason="") | Q(queue__isnull=False),
        says="Decision {row.pk} dismissed session {row.session_id} with reason {row.reason!r:.60} and queue "
        "{row.queue_id}.",
    ),
    Invariant(
        "what was routed is a task of that queue",
        of=_DECIDED.filter(decision__kind=Decision.Kind.ROUTE, decision__queue__isnull=False),
        broken=~Q(Exists(_ITS_TASK)),
        says="Decision {row.decision_id} routed flag {row.flag_id}, and its queue has no task for it: undo the "
        "decision and route again.",
    ),
    Invariant(
        "a decision holds tasks of its queue, for the answers that it is on",
        of=_HELD,
        broken=differs("reviewtask__queue", F("decision__queue")) | ~Q(Exists(_ITS_FLAG)),
        says="Decision {row.decision_id} holds task {row.reviewtask_id}, which it did not send: do not take it back, "
        "for that task would go with it.",
    ),
    reads_no_further("flag_captured", Interaction),
    reads_no_further("flag_reactions", Feedback),
]
