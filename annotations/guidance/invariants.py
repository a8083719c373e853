"""What must hold of what was injected: a truth of its time, for a prompt that asked the same."""

from datetime import timedelta

from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q

from annotations.guidance.models import Injection
from annotations.recall.sameness import SAME_MEANING
from annotations.review.models import Approval, Label
from labelhub.invariants import Invariant, no_sha256

UNDER_WAY = timedelta(minutes=1)  # an answer may be on its way while a newer approval commits
_NEWER = Approval.objects.filter(
    interaction=OuterRef("approval__interaction"),
    pk__gt=OuterRef("approval"),
    at__lt=ExpressionWrapper(OuterRef("at") - UNDER_WAY, output_field=DateTimeField()),
)

INVARIANTS = [
    Invariant(
        "only corrections were injected",
        of=Injection.objects.all(),
        broken=~Q(approval__label__verdict=Label.Verdict.FLAWED) | Q(approval__label__rewrite=""),
        says="Injection {row.pk} handed out approval {row.approval_id}, which corrects nothing.",
    ),
    Invariant(
        "nothing was injected before it was approved",
        of=Injection.objects.all(),
        broken=Q(at__lt=F("approval__at")),
        says="Injection {row.pk} of {row.at:%Y-%m-%d %H:%M:%S} is older than approval {row.approval_id}.",
    ),
    Invariant(
        "nothing was injected after a newer approval replaced it",
        of=Injection.objects.all(),
        broken=Q(Exists(_NEWER)),
        says="Injection {row.pk} handed out approval {row.approval_id} when a newer one held: look at that prompt.",
    ),
    Invariant(
        "what was injected is as near as the same problem must be",
        of=Injection.objects.all(),
        broken=Q(similarity__lt=SAME_MEANING) | Q(similarity__gt=1.001),
        says="Injection {row.pk} handed out approval {row.approval_id} at similarity {row.similarity}.",
    ),
    Invariant(
        "of an asking prompt only the hash is kept",
        of=Injection.objects.all(),
        broken=no_sha256("prompt_sha256"),
        says="Injection {row.pk} holds something else than a sha256 of the prompt.",
    ),
]
