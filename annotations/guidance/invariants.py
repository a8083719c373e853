"""What must hold of what is injected: a truth of its time, found by its question, for a prompt that asked the same."""

from datetime import timedelta

from django.contrib.postgres.functions import TransactionNow
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q

from annotations.guidance.models import GuidanceApproval, GuidanceInjection, Injection
from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding
from annotations.recall.sameness import SAME_MEANING
from annotations.review.models import Approval, Label
from labelhub.invariants import Invariant, no_sha256

UNDER_WAY = timedelta(minutes=1)  # an answer may be on its way while a newer approval commits
EMBEDDED_AFTER = timedelta(minutes=15)  # by a follow-up of capture, which needs the encoder
_NEWER = Approval.objects.filter(
    interaction=OuterRef("approval__interaction"),
    pk__gt=OuterRef("approval"),
    of_pair=False,
    at__lt=ExpressionWrapper(OuterRef("at") - UNDER_WAY, output_field=DateTimeField()),
)
_PROMPTS = Embedding.objects.current().ready().filter(kind=PROMPT)
_VECTOR = _PROMPTS.filter(project=OuterRef("project"), object_id=OuterRef("interaction"))

INVARIANTS = [
    Invariant(
        "the question of an approval has a vector, by which it is found",
        of=Approval.objects.all(),
        broken=Q(at__lt=TransactionNow() - EMBEDDED_AFTER) & ~Q(Exists(_VECTOR)),
        says="Approval {row.pk} is never injected, since interaction {row.interaction_id} has no vector of the encoder "
        "that is set now: start a worker and that encoder.",
    ),
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
    Invariant(
        "nobody approved guidance of their own",
        of=GuidanceApproval.objects.all(),
        broken=Q(by=F("guidance__author")),
        says="Guidance {row.guidance_id} was approved by its author, person {row.by_id}: retire it.",
    ),
    Invariant(
        "guidance was handed out only while it was approved",
        of=GuidanceInjection.objects.all(),
        broken=Q(guidance__approval=None) | Q(at__lt=F("guidance__approval__at")),
        says="Guidance {row.guidance_id} was told a prompt at {row.at:%Y-%m-%d %H:%M:%S}, before anybody approved it.",
    ),
    Invariant(
        "guidance was handed out as far as it reaches",
        of=GuidanceInjection.objects.all(),
        broken=Q(similarity__lt=F("guidance__reach") - 0.001) | Q(similarity__gt=1.001),
        says="Guidance {row.guidance_id} was told a prompt at similarity {row.similarity}, which it does not reach.",
    ),
    Invariant(
        "of a prompt that guidance was told only the hash is kept",
        of=GuidanceInjection.objects.all(),
        broken=no_sha256("prompt_sha256"),
        says="Injection {row.pk} of guidance {row.guidance_id} holds something else than a sha256 of the prompt.",
    ),
]
