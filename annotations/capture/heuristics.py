"""What an answer's own text tells of its worth. Pure."""

from annotations.capture.models import Interaction
from annotations.capture.wording import stated, unsupported


def sources_of(one: Interaction) -> list[str]:
    """The texts that an answer may rest on: retrieved documents and what was said before. [] without documents."""
    texts = [str(document.get("text", "")) for document in one.documents if isinstance(document, dict)]
    said = [str(turn.get("content", "")) for turn in one.turns if isinstance(turn, dict)]
    return [*texts, one.system_context, one.prompt, *said] if any(texts) else []


def groundedness(one: Interaction) -> float | None:
    """The share, 0 to 1, of its numbers that a source has; None where it states none, or nothing was retrieved."""
    sources, numbers = sources_of(one), stated(one.output)
    return 1 - len(unsupported(one.output, sources)) / len(numbers) if sources and numbers else None
