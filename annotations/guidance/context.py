"""The context API's answer: approved corrections of the same problem, and guidance, ready to stand in the next prompt.

A correction is injectable the moment its Approval commits. The trigger needs meaning and the distinctive words, because
meaning alone cannot tell a sibling (the same question on another item).
"""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from annotations.guidance.models import Guidance
from annotations.recall.actions import PROMPT
from annotations.recall.nearest import nearest
from annotations.recall.sameness import named_items, same_problem
from annotations.review.models import Approval
from labelhub.errors import Unavailable
from labelhub.llm import client
from labelhub.projects.models import Project

LOOKED_AT = 12  # nearest corrections that the guards look at
INJECTED = 1  # small models copy one correction well, several hardly
GUIDANCE, GUIDED = "guidance", 2  # the kind of text, object id = guidance id; instructions that one prompt is told
ENCODER_DEADLINE_S = 2.0
# Letters and marks without a shape: fillers, variation selectors, tags, noncharacters. They can carry hidden text.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff" + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)) + "]"
)
_ROLE = re.compile(r"\[(/?[A-Z_]{3,})\]")  # what some chat templates mark a role with


@dataclass(frozen=True)
class Correction:
    """One approved correction that fits the prompt."""

    label_id: int
    approval_id: int
    question: str
    answer: str
    similarity: float

    @property
    def provenance(self) -> str:
        return f"label:{self.label_id}"


@dataclass(frozen=True)
class Instruction:
    """Guidance for questions like the prompt."""

    guidance_id: int
    instruction: str
    similarity: float

    @property
    def provenance(self) -> str:
        return f"guidance:{self.guidance_id}"


@dataclass(frozen=True)
class ContextAnswer:
    corrections: tuple[Correction, ...]
    degraded: bool  # True: the encoder did not answer, so nothing could be looked up
    guidance: tuple[Instruction, ...] = ()

    @property
    def system_block(self) -> str:
        """The text for the system message; '' when nothing fits."""
        told = render_guidance([one.instruction for one in self.guidance])
        corrected = render_block([(c.question, c.answer) for c in self.corrections])
        return "\n".join(filter(None, (told, corrected)))


def context_for(project: Project, prompt: str) -> ContextAnswer:
    """What `prompt` should be told. Never raises for a model server that is down: the answer is then degraded."""
    try:
        vector = client.embed([prompt], timeout=ENCODER_DEADLINE_S)[0]
    except Unavailable:
        return ContextAnswer((), degraded=True)
    approved = Approval.objects.filter(project=project).current().corrections()
    near = nearest(project, PROMPT, vector, LOOKED_AT, among=approved.values("interaction"))
    gold = {
        row.interaction_id: row
        for row in approved.filter(interaction__in=[n.object_id for n in near]).select_related("label", "interaction")
    }
    fitting: list[Correction] = []
    for candidate in near:
        row = gold.get(candidate.object_id)
        if row is None:  # superseded since the line before
            continue
        named = named_items(row.interaction.prompt, row.label.rewrite, row.interaction.output)
        if same_problem(prompt, row.interaction.prompt, candidate.similarity, named):
            fitting.append(
                Correction(row.label_id, row.pk, row.interaction.prompt, row.label.rewrite, candidate.similarity)
            )
    return ContextAnswer(tuple(fitting[:INJECTED]), degraded=False, guidance=_guidance(project, vector))


def _guidance(project: Project, vector: np.ndarray) -> tuple[Instruction, ...]:
    """The nearest active guidance that reaches as far as to `vector` [384]."""
    active = Guidance.objects.filter(project=project).active()
    near = nearest(project, GUIDANCE, vector, LOOKED_AT, among=active.values("pk"))
    known = active.in_bulk([one.object_id for one in near])
    meant = [one for one in near if one.object_id in known and one.similarity >= known[one.object_id].reach]
    told = [Instruction(one.object_id, known[one.object_id].instruction, one.similarity) for one in meant]
    return tuple(told[:GUIDED])


@dataclass(frozen=True)
class Touched:
    """A past question, and whether guidance would have been told with it."""

    prompt: str
    similarity: float
    meant: bool


def would_touch(project: Project, trigger: str, reach: float, number: int = 5) -> list[Touched]:
    """The past questions nearest to `trigger`, each once. Raises Unavailable when the encoder does not answer."""
    vector = client.embed([trigger], timeout=ENCODER_DEADLINE_S)[0]
    near = {one.text: one.similarity for one in reversed(nearest(project, PROMPT, vector, 10 * number))}
    nearest_first = sorted(near.items(), key=lambda one: -one[1])[:number]
    return [Touched(prompt, similarity, similarity >= reach) for prompt, similarity in nearest_first]


def render_guidance(instructions: list[str]) -> str:
    """Instructions as the data block that goes into the system message."""
    if not instructions:
        return ""
    return "\n".join(["<guidance>", *(f"- {as_data(one)}" for one in instructions), "</guidance>"])


def render_block(pairs: list[tuple[str, str]]) -> str:
    """Question and answer pairs as the data block that goes into the system message."""
    if not pairs:
        return ""
    lines = [f"Q: {as_data(question)}\nA: {as_data(answer)}" for question, answer in pairs]
    return "\n".join(["<corrections>", *lines, "</corrections>"])


def as_data(text: str) -> str:
    """Text that cannot close the block, break its line, hide characters or turn the reading direction."""
    visible = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in {"Cc", "Cf", "Co", "Cs"})
    tame = _ROLE.sub(r"‹\1›", _UNSEEN.sub("", visible).replace("<", "‹").replace(">", "›"))
    return re.sub(r"\s+", " ", tame).strip()
