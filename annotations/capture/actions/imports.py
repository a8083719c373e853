"""Bringing in a file of past interactions: all of it or nothing, the rejects by line."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from annotations.capture.actions.ingest import Outcome, ingest_feedback, ingest_interactions
from annotations.capture.actions.watermarks import rewind
from annotations.capture.models import ImportJob
from labelhub import jobs
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


@dataclass
class Tally:
    """What became of the lines so far."""

    lines: int = 0
    created: int = 0
    already_there: int = 0
    refused: set[int] = field(default_factory=set)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)  # event → least id of the new rows that its followers read

    def refuse(self, line: int, error: str) -> None:
        self.refused.add(line)
        if len(self.rejects) < KEPT_REJECTS:
            self.rejects.append({"line": line, "error": error})

    def add(self, event: str, numbers: list[int], outcomes: list[Outcome]) -> None:
        for number, outcome in zip(numbers, outcomes, strict=True):
            if not outcome.fine:
                self.refuse(number, outcome.error)
            elif outcome.status == "created" and outcome.id:
                self.first[event] = min(outcome.id, self.first.get(event, outcome.id))


def import_interactions(
    project: Project, path: Path, mapping: dict[str, str], *, progress: Callable[[int], None] = lambda n: None
) -> ImportJob:
    """Import a JSONL file. Any line that is refused means that nothing is stored; the job lists the rejects by line,
    after one in the name of line 0 that says what became of the file.

    The same file again changes nothing: every line has a stable id. Raises Invalid for a mapping that names no target.
    """
    unknown = set(mapping) - TARGETS
    ensure(
        not unknown,
        Invalid(f"Unknown targets in the mapping: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(TARGETS))}."),
    )
    with path.open("rb") as file:
        sha = hashlib.file_digest(file, "sha256").hexdigest()
    job = ImportJob.objects.create(
        project=project, file_name=stored_text(path.name)[0][-255:], file_sha256=sha, mapping=mapping
    )
    tally = Tally()
    try:
        _store_all(job, lines(path, sha[:16], mapping), tally, progress)
    except BaseException as error:  # Ctrl-C too: nobody goes on with it
        _fail(job, tally, error)
        if not isinstance(error, Refused):
            raise
    return job


@transaction.atomic
def _store_all(job: ImportJob, numbered: Any, tally: Tally, progress: Callable[[int], None]) -> None:
    """Everything, or nothing and Refused. Followers are woken last: until the commit live traffic waits for that."""
    _store(job.project, numbered, tally, progress)
    refused = f"{len(tally.refused)} of {tally.lines} lines were refused: nothing was imported."
    ensure(not tally.refused, Invalid(refused))
    facts = {"lines": tally.lines, "created": tally.created, "already_there": tally.already_there}
    move(job, to=ImportJob.State.DONE, finished_at=Now(), **facts)
    for event, first in tally.first.items():
        rewind(job.project, event, first)
    for event in sorted(tally.first):  # in the order in which ingest wakes them
        jobs.wake(event, job.project)


def _fail(job: ImportJob, tally: Tally, error: BaseException) -> None:
    reason = error.detail if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
    rejects = [{"line": 0, "error": stored_text(reason)[0]}, *tally.rejects]
    job.refresh_from_db()  # it may have been done, but for the commit
    move(job, to=ImportJob.State.FAILED, lines=tally.lines, rejects=rejects, finished_at=Now())


def _store(project: Project, numbered: Any, tally: Tally, progress: Callable[[int], None]) -> None:
    """Store batch by batch inside the caller's transaction."""
    batch = []
    for number, line in numbered:
        tally.lines += 1
        if isinstance(line, Refused):
            tally.refuse(number, line.detail)
        else:
            batch.append((number, *line))
        if len(batch) == BATCH:
            _store_batch(project, batch, tally)
            batch = []
            progress(tally.lines)
    _store_batch(project, batch, tally)
    progress(tally.lines)


def _store_batch(project: Project, batch: list[Any], tally: Tally) -> None:
    calls = ingest_interactions(project, [item for _, item, _ in batch], wake=False)
    tally.add("captured", [number for number, _, _ in batch], calls)
    tally.created += sum(outcome.status == "created" for outcome in calls)
    tally.already_there += sum(outcome.status == "replayed" for outcome in calls)
    signs = [(number, sign) for number, _, sign in batch if sign]
    stored = ingest_feedback(project, [sign for _, sign in signs], wake=False)
    tally.add("reacted", [number for number, _ in signs], stored)
