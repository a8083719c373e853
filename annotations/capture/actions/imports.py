"""Bringing in a file of past interactions: all of it or nothing, the rejects by line."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from annotations.capture.actions.ingest import Outcome, ingest_feedback, ingest_interactions
from annotations.capture.actions.watermarks import rewind
from annotations.capture.models import ImportJob, Interaction
from labelhub.body import parse_json, stored_text
from labelhub.errors import Invalid, Malformed, Refused, ensure
from labelhub.projects.models import Project
from labelhub.states import move

BATCH = 500
KEPT_REJECTS = 1_000
MAX_LINE = 5 * 1024 * 1024
TARGETS = {
    "external_id", "session", "prompt", "system", "messages", "output", "occurred_at", "documents", "model_version",
    "prompt_version", "environment", "user_role", "confidence", "token_logprobs", "duration_ms", "metadata", "thumb",
}  # fmt: skip


def mapped(
    record: dict[str, Any], mapping: dict[str, str], fallback_id: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A line of the file as (interaction, feedback or None), by `mapping` target → source field.

    `prompt` becomes the last user message and `system` the system message. `thumb` takes true/false or a number and
    becomes a thumb up or down. Fields that no target names are kept in metadata.
    """
    item = {target: record[source] for target, source in mapping.items() if source in record}
    thumb = item.pop("thumb", None)
    prompt, system = item.pop("prompt", None), item.pop("system", None)
    if prompt is not None:
        lead = [{"role": "system", "content": system}] if system else []
        item["messages"] = [*lead, {"role": "user", "content": prompt}]
    item.setdefault("external_id", fallback_id)
    item["external_id"] = str(item["external_id"])
    rest = {key: value for key, value in record.items() if key not in mapping.values()}
    item["metadata"] = {**item.get("metadata", {}), **rest} if rest else item.get("metadata", {})
    if thumb is None:
        return item, None
    good = thumb if isinstance(thumb, bool) else float(thumb) > 0
    sign = {
        "external_id": f"{item['external_id']}#thumb"[-255:],
        "interaction": item["external_id"],
        "kind": "thumb",
        "value": 1 if good else -1,
    }
    return item, sign


def lines(path: Path, file_id: str, mapping: dict[str, str]) -> Iterator[tuple[int, Any]]:
    """(line number, (interaction, feedback) or Refused) of each line that is not blank."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE + 1):
            number += 1
            if len(raw) > MAX_LINE:
                yield number, Malformed("The line is over 5 MB.")
                return
            if raw.strip():
                yield number, _read_line(raw, mapping, f"{file_id}:{number}")


def _read_line(raw: bytes, mapping: dict[str, str], fallback_id: str) -> Any:
    try:
        record = parse_json(raw)
        ensure(isinstance(record, dict), Malformed("The line is not an object."))
        return mapped(record, mapping, fallback_id)
    except (Refused, ValueError, TypeError) as error:
        return error if isinstance(error, Refused) else Malformed(str(error))


def import_interactions(
    project: Project, path: Path, mapping: dict[str, str], *, progress: Callable[[int], None] = lambda n: None
) -> ImportJob:
    """Import a JSONL file. Any line that is refused means that nothing is stored; the job lists the rejects by line.

    The same file again changes nothing: every line has a stable id. Raises Invalid for a mapping that names no target.
    """
    unknown = set(mapping) - TARGETS
    ensure(
        not unknown,
        Invalid(f"Unknown targets in the mapping: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(TARGETS))}."),
    )
    sha = hashlib.file_digest(path.open("rb"), "sha256").hexdigest()
    job = ImportJob.objects.create(
        project=project, file_name=stored_text(path.name)[0][-255:], file_sha256=sha, mapping=mapping
    )
    rejects: list[dict[str, Any]] = []
    counts = {"created": 0, "replayed": 0}
    try:
        with transaction.atomic():
            seen = _store(project, lines(path, sha[:16], mapping), rejects, counts, progress)
            ensure(not rejects, Invalid(f"{len(rejects)} lines were refused: nothing was imported."))
            first = Interaction.objects.filter(project=project, external_id__startswith=sha[:16]).order_by("pk").first()
            if first:
                rewind(project, first.pk)
            move(
                job,
                to=ImportJob.State.DONE,
                lines=seen,
                created=counts["created"],
                already_there=counts["replayed"],
                finished_at=Now(),
            )
    except Refused as refusal:
        kept = rejects[:KEPT_REJECTS] or [{"line": 0, "error": refusal.detail}]
        move(job, to=ImportJob.State.FAILED, rejects=kept, finished_at=Now())
    return job


def _store(
    project: Project, numbered: Any, rejects: list[Any], counts: dict[str, int], progress: Callable[[int], None]
) -> int:
    """Store batch by batch inside the caller's transaction; how many lines were read."""
    seen, batch = 0, []
    for number, line in numbered:
        seen += 1
        if isinstance(line, Refused):
            rejects.append({"line": number, "error": line.detail})
        else:
            batch.append((number, *line))
        if len(batch) == BATCH:
            _store_batch(project, batch, rejects, counts)
            batch = []
            progress(seen)
    _store_batch(project, batch, rejects, counts)
    progress(seen)
    return seen


def _store_batch(project: Project, batch: list[Any], rejects: list[Any], counts: dict[str, int]) -> None:
    _count(ingest_interactions(project, [item for _, item, _ in batch]), [n for n, _, _ in batch], rejects, counts)
    signs = [(number, sign) for number, _, sign in batch if sign]
    _count(ingest_feedback(project, [sign for _, sign in signs]), [n for n, _ in signs], rejects, None)


def _count(outcomes: list[Outcome], numbers: list[int], rejects: list[Any], counts: dict[str, int] | None) -> None:
    for number, outcome in zip(numbers, outcomes, strict=True):
        if not outcome.fine:
            rejects.append({"line": number, "error": outcome.error})
        elif counts is not None:
            counts[outcome.status] += 1
