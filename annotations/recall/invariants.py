"""What must hold of vectors: they are of something, of its very words, and can be compared."""

from django.db.models import Exists, F, FloatField, Func, IntegerField, OuterRef, Q, TextField

from annotations.capture.invariants import reads_no_further
from annotations.capture.models import Interaction, Watermark
from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding
from labelhub.invariants import Invariant, differs

UNIT = 0.01  # of a length of one: half precision errs by less

_PROMPTS = Embedding.objects.filter(kind=PROMPT)
_ITS_INTERACTION = Interaction.objects.filter(pk=OuterRef("object_id"), project=OuterRef("project"))
_WAS_READ = Watermark.objects.filter(
    follow_up="embed_captured", project=OuterRef("project"), position__gte=OuterRef("pk")
)
_dimensions = Func(F("vector"), function="vector_dims", output_field=IntegerField())
_length = Func(F("vector"), function="l2_norm", output_field=FloatField())
_sha256 = Func(
    F("text"), template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')", output_field=TextField()
)

INVARIANTS = [
    Invariant(
        "a prompt's vector is of an interaction of its project",
        of=_PROMPTS,
        broken=~Q(Exists(_ITS_INTERACTION)),
        says="Embedding {row.pk} is of interaction {row.object_id}, which project {row.project_id} does not have: "
        "delete it.",
    ),
    Invariant(
        "a prompt's vector is of the words of the prompt",
        of=_PROMPTS,
        broken=Q(Exists(_ITS_INTERACTION.exclude(prompt=OuterRef("text")))),
        says="Embedding {row.pk} is of other words than the prompt of interaction {row.object_id}: delete it, a new "
        "one is made when the interaction is asked for again.",
    ),
    Invariant(
        "a vector's text has the hash by which it is found again",
        of=Embedding.objects.alias(hashed=_sha256),
        broken=differs("text_sha256", F("hashed")),
        says="Embedding {row.pk} has another text_sha256 than its text: another text would get its vector.",
    ),
    Invariant(
        "a vector has the dimensions of its encoder",
        of=Embedding.objects.ready().alias(dimensions=_dimensions),
        broken=differs("dimensions", F("encoder_set__dimensions")),
        says="Embedding {row.pk} has other dimensions than encoder {row.encoder_set_id} says: make the vectors again.",
    ),
    Invariant(
        "a vector has length one, so that a product is a cosine",
        of=Embedding.objects.ready().alias(length=_length),
        broken=Q(length__lt=1 - UNIT) | Q(length__gt=1 + UNIT),
        says="Embedding {row.pk} does not have length one: the encoder does not normalise. Make the vectors again.",
    ),
    Invariant(
        "no prompt was passed over without a vector being asked for",
        of=Interaction.objects.filter(Exists(_WAS_READ)),
        broken=~Q(Exists(Embedding.objects.filter(kind=PROMPT, project=OuterRef("project"), object_id=OuterRef("pk")))),
        says="Interaction {row.pk} was passed over: set the watermark embed_captured of project {row.project_id} back "
        "to before it.",
    ),
    reads_no_further("embed_captured", Interaction),
]
