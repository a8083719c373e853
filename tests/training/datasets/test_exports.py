"""What leaves as a file: JSON lines to the letter, under names that are ours."""

import json
import os
import re
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands
from django.db import models

from annotations.capture.actions.imports import import_interactions
from annotations.capture.fields import MIB
from annotations.capture.models import ImportJob, Interaction
from labelhub.projects.rights import Role
from tests.factories import FLAWED, make_claim, make_key, make_label, make_member, make_project, make_queue, make_task
from tests.rights.routes import patterns
from tests.stack import CHECKOUT
from tests.training.makers import make_row, make_snapshot
from training.datasets.canonical import dataset_sha256
from training.datasets.models import DatasetSnapshot
from training.datasets.rows import as_rows

pytestmark = pytest.mark.django_db
HOSTILE = [
    "=cmd|'/C calc'!A0", "+1+2", "-2+3", "@SUM(1+1)", "\t=1", "a\nb", "a\x0bb\x0cc", "a\u2028b\u2029c\x85d", '"quoted", \\ and, commas',
    "</script>", "\u202eevil\u2066", "\u200b\ufeff", "👩‍👩‍👧 灯笼 مرحبا", "\x1b[31m", "x" * 1_000_000, "\n" * 20_000 + "end", "\\u0000",
]  # fmt: skip


def exported(snapshot: DatasetSnapshot, *arguments: str) -> list[dict[str, object]]:
    out = StringIO()
    call_command("export_dataset", "--project", snapshot.project.slug, *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().split("\n")[:-1]]


@pytest.fixture
def snapshot() -> DatasetSnapshot:
    snapshot = make_snapshot(make_project(), rows=0)
    for position, text in enumerate(HOSTILE, start=1):
        make_row(snapshot, position, f"{position} {text}", text)
    DatasetSnapshot.objects.filter(pk=snapshot.pk).update(content_sha256=dataset_sha256(as_rows(snapshot)))
    snapshot.refresh_from_db()
    return snapshot


@pytest.mark.bar("3a-60")
def test_json_lines_hold_every_text_to_the_letter(snapshot: DatasetSnapshot, tmp_path: Path) -> None:
    rows = exported(snapshot)
    assert [row["completion"] for row in rows] == HOSTILE
    assert [row["prompt"][-1]["content"] for row in rows] == [f"{n} {text}" for n, text in enumerate(HOSTILE, start=1)]  # type: ignore[index]
    file = tmp_path / "rows.jsonl"
    exported(snapshot, "--out", str(file))
    assert [json.loads(line)["completion"] for line in file.read_bytes().split(b"\n")[:-1]] == HOSTILE
    assert b"\r" not in file.read_bytes().replace(b"\\r", b"")


@pytest.mark.bar("3a-60")
def test_nothing_is_written_as_a_spreadsheet(client: object) -> None:
    sources = [p for app in ("labelhub", "annotations", "training") for p in (CHECKOUT / app).rglob("*.py")]
    assert sources
    for source in sources:
        text = source.read_text()
        assert not re.search(r"\b(import|from) (csv|openpyxl|xlsxwriter)\b|text/csv|spreadsheetml", text), source
    assert not [name for name in get_commands() if re.search("csv|xlsx|excel", name)]
    routes = list(patterns())
    assert "api/v1/interactions/" in routes
    assert not [route for route in routes if re.search("csv|xlsx|export", route)]
    key = make_key(make_project(), "read")
    for wish in ({"format": "csv"}, {}):
        answer = client.get(
            "/api/v1/sessions/flagged/", wish, headers={"Authorization": f"Bearer {key}", "Accept": "text/csv"}
        )  # type: ignore[attr-defined]
        assert answer.status_code in {404, 406}


@pytest.mark.bar("3a-61")
def test_no_file_is_taken_by_a_page_and_none_is_named_by_a_person(client: object) -> None:
    """Files come in by command, from a place that an operator names; what is stored lies under names that we make."""
    columns = [f for model in apps.get_models() for f in model._meta.fields if isinstance(f, models.FileField)]
    assert not columns
    for app in ("labelhub", "annotations", "training"):
        for source in (CHECKOUT / app).rglob("*.py"):
            assert not re.search(
                r"request\.FILES|FileResponse|as_attachment|Content-Disposition", source.read_text()
            ), source
    names = [Path(settings.DATA_DIR) / "adapters", Path(settings.DATA_DIR) / "runs"]
    for folder in names:
        for made in folder.glob("*") if folder.exists() else []:
            assert re.fullmatch(r"[\w.-]{1,120}", made.name), made


ODD_NAMES = [
    "CON", "a\nb.jsonl", "-rf.jsonl", "x" * 240 + ".jsonl", "..jsonl", "\u202elnosj.exe", "<img src=x onerror=a>.jsonl", "a\x1b[31m.jsonl",
    "$(id);.jsonl", "%2e%2e%2f.jsonl", os.fsdecode(b"\xff\xfe.jsonl"),
]  # fmt: skip


@pytest.mark.bar("3a-61")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_import_keeps_the_name_of_its_file_as_words_and_opens_nothing_by_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    file = tmp_path / "below" / name
    file.write_text('{"prompt": "a", "output": "b"}\n')
    before = sorted(tmp_path.rglob("*"))
    job = import_interactions(make_project(), file, {"prompt": "prompt", "output": "output"})
    assert job.state == ImportJob.State.DONE
    job.refresh_from_db()
    assert len(job.file_name) <= 255
    assert job.file_name.encode()
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(CommandError):
        call_command("import_interactions", "../../etc/nothing\n", "--project", job.project.slug)


RAW = {
    "nul": ("a\x00b", "a\\u0000b"), "surrogate": ("a\ud800b\udfff", "a\\ud800b\\udfff"), "bidi": ("\u202ea\u2066b", "\u202ea\u2066b"),
    "unseen": ("a\u200b\u200d\ufeffb", "a\u200b\u200d\ufeffb"), "line ends": ("a\r\nb\rc\u2028d", "a\nb\nc\u2028d"),
    "one line": ("y" * (MIB - 6), "y" * (MIB - 6)), "line feeds": ("a" + "\n" * 200_000 + "b", "a" + "\n" * 200_000 + "b"),
    "markup": ("<script>{{ 7*7 }}</script>", "<script>{{ 7*7 }}</script>"),
}  # fmt: skip


@pytest.mark.bar("3a-5", "3a-6", "3a-15")
@pytest.mark.parametrize("kind", RAW)
def test_odd_text_goes_from_ingest_to_the_export_without_loss(kind: str, client: object) -> None:
    sent, stored = RAW[kind]
    project = make_project()
    bearer = {"Authorization": f"Bearer {make_key(project, 'ingest')}"}
    body = json.dumps({"external_id": "i", "messages": [{"role": "user", "content": sent}], "output": f"{sent} out"})
    for status in (201, 200):  # sent again it is the same
        answer = client.post("/api/v1/interactions/", body, content_type="application/json", headers=bearer)  # type: ignore[attr-defined]
        assert answer.status_code == status, answer.content[:300]
    interaction = Interaction.objects.get()
    assert (interaction.prompt, interaction.output) == (stored, f"{stored} out")
    assert interaction.text_escaped == (kind in {"nul", "surrogate"})

    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
    task = make_task(make_queue(project, slug="q"), interaction)
    client.force_login(expert)  # type: ignore[attr-defined]
    fence = make_claim(task, expert).fence
    desk = client.get(f"/p/{project.slug}/q/q/")  # type: ignore[attr-defined]
    assert desk.status_code == 200
    form = {
        "fence": fence,
        "category": "factually-incorrect",
        "rewrite": f"{sent.encode(errors='replace').decode()} right",
        "note": sent.replace("\ud800", "").replace("\udfff", ""),
    }
    assert client.post(f"/p/{project.slug}/tasks/{task.pk}/label/", form).status_code == 302  # type: ignore[attr-defined]
    label = task.labels.get()
    client.force_login(moderator)  # type: ignore[attr-defined]
    assert client.get(f"/p/{project.slug}/approvals/{label.pk}/").status_code == 200  # type: ignore[attr-defined]
    assert client.post(f"/p/{project.slug}/approvals/{label.pk}/approval/").status_code == 302  # type: ignore[attr-defined]
    snapshot, taught = make_snapshot(project, rows=0), {"approval": label.approval, "interaction": interaction}
    make_row(snapshot, 1, interaction.prompt, label.rewrite, kind="correction", **taught)
    DatasetSnapshot.objects.filter(pk=snapshot.pk).update(content_sha256=dataset_sha256(as_rows(snapshot)))
    (row,) = exported(snapshot)
    assert row["prompt"][0]["content"] == stored  # type: ignore[index]
    assert row["completion"] == label.rewrite
    assert label.rewrite.endswith(" right")


@pytest.mark.bar("3a-5", "3a-6")
@pytest.mark.parametrize("odd", ["a\x00b", "a\ud800b"])
def test_no_act_of_a_person_breaks_on_a_character_that_cannot_be_stored(odd: str, client: object) -> None:
    project = make_project()
    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
    queue = make_queue(project, slug="q")
    label = make_label(make_task(queue), expert, **FLAWED, rewrite="39 euros.")
    task = make_task(queue)
    client.force_login(moderator)  # type: ignore[attr-defined]
    fence = make_claim(task, moderator).fence
    asked = f"?project={project.slug}"
    calls = [
        ("put", f"/api/v1/tasks/{task.pk}/draft/", {"fence": fence, "content": {odd: odd}}),
        ("patch", f"/api/v1/tasks/{task.pk}/claim/", {"skip": odd}),
        ("post", f"/api/v1/labels/{label.pk}/return/", {"reason": odd}),
        ("post", "/api/v1/queues/", {"slug": odd, "name": odd, "instructions": odd}),
        ("post", "/api/v1/queues/", {"slug": "fine", "name": odd, "instructions": odd}),
        ("post", "/api/v1/queues/", {"slug": "<img src=x>", "name": "x" * 500}),
        ("post", "/api/v1/queues/q/tasks/", {"interactions": [odd], "reason": odd}),
        ("post", "/api/v1/decisions/", {"session": 1, "kind": "route", "queue": odd, "reason": odd}),
        ("post", f"/api/v1/tasks/{task.pk}/labels/", {odd: odd, "fence": 1, "verdict": odd}),
        ("post", "/api/v1/interactions/", {"external_id": odd, "messages": [{"role": "user", "content": odd}]}),
        ("post", "/api/v1/interactions/batch/", {"items": [{"external_id": odd, odd: odd}]}),
        ("post", "/api/v1/feedback/", {"external_id": odd, "interaction": odd, "kind": "thumb", odd: 1}),
    ]  # fmt: skip
    for method, path, body in calls:
        answer = getattr(client, method)(path + asked, json.dumps(body), content_type="application/json")
        assert answer.status_code < 500, (path, answer.content)
    for path in (
        "/p/{}/triage/1/dismissal/",
        f"/p/{{}}/approvals/{label.pk}/return/",
        f"/p/{{}}/tasks/{task.pk}/skip/",
    ):
        answer = client.post(path.format(project.slug), {"reason": "a\x00b", "queue": "a\x00b", "fence": "\x00"})  # type: ignore[attr-defined]
        assert answer.status_code < 500, path
    assert client.get(f"/p/{project.slug}/").status_code == 200  # type: ignore[attr-defined]
    assert client.get("/").status_code == 200  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/api/v1/queues/?project=%00", "/p/%00/", "/admin/labelhub/user/?q=%00", "/api/v1/labels/?after=%00&project=x",
                                  "/accounts/login/?next=%00", "/p/x%00y/triage/", "/api/v1/labels/?after=²"])  # fmt: skip
def test_no_address_with_odd_characters_breaks_a_page(path: str, client: object) -> None:
    client.force_login(make_member(make_project(slug="x"), Role.ADMIN))  # type: ignore[attr-defined]
    assert client.get(path).status_code < 500  # type: ignore[attr-defined]
