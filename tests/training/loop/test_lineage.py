"""From the weights to the people and back; one changed byte anywhere is seen."""

import shutil
from pathlib import Path

import pytest
from django.db import connection

from annotations.capture.models import Interaction
from annotations.review.models import Label, SpanComment
from tests.factories import make_approval, make_interaction, make_project
from tests.training.makers import make_row, make_run, make_version, write_adapter
from training.datasets.canonical import as_chat, label_sha256
from training.datasets.models import DatasetSnapshot, SnapshotRow
from training.datasets.rows import content_sha256
from training.lm.adapter_files import write_manifest
from training.lm.contract import MANIFEST
from training.lm.files import sha256_file
from training.loop.lineage import fed_by, lineage_of, lineage_ok
from training.runs import store
from training.runs.folders import prepare, run_folder
from training.runs.models import ModelVersion, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]


@pytest.fixture
def version() -> ModelVersion:
    """As a run would leave it: two corrections, one rehearsed answer, a folder with its manifest."""
    project = make_project()
    snapshot = DatasetSnapshot.objects.create(project=project, number=1, parameters={})
    for n in (1, 2):
        approval = make_approval(project, prompt=f"How much is lantern {n}?", rewrite=f"It costs {n} euros.")
        make_row(
            snapshot, n, approval.interaction.prompt, approval.label.rewrite, kind="correction", approval=approval,
            interaction=approval.interaction, source=f"label:{approval.label_id}", label_sha256=label_sha256(approval.label),
        )  # fmt: skip
    make_row(snapshot, 3, "How heavy is it?", "It weighs 2 kg.")
    DatasetSnapshot.objects.filter(pk=snapshot.pk).update(content_sha256=content_sha256(snapshot))
    snapshot.refresh_from_db()
    return left_by(make_run(project, snapshot=snapshot))


def left_by(run: TrainingRun) -> ModelVersion:
    folder = prepare(run)
    write_adapter(folder / "adapter")
    write_manifest(folder)
    return make_version(run.project, run=run, manifest_sha256=sha256_file(folder / MANIFEST))


def correction(version: ModelVersion) -> SnapshotRow:
    return version.run.snapshot.rows.get(position=1)


def test_an_adapter_leads_to_rows_labels_people_and_interactions_and_back(version):
    lineage = lineage_of(version)
    assert lineage.breaches == []
    assert [row.row.kind for row in lineage.rows] == ["correction", "correction", "rehearsal"]
    first = lineage.rows[0]
    assert first.author == str(first.approval.label.author) != first.approver
    assert len(lineage.people) == 4
    for row in lineage.rows:
        assert fed_by(row.interaction) == [version]
    assert fed_by(make_interaction(version.project)) == []


def test_of_two_versions_with_the_same_weights_each_is_looked_at_itself(version):
    other = make_project()
    snapshot = DatasetSnapshot.objects.create(project=other, number=1, parameters={})
    make_row(snapshot, 1, "How heavy is it?", "It weighs 2 kg.")
    DatasetSnapshot.objects.filter(pk=snapshot.pk).update(content_sha256=content_sha256(snapshot))
    snapshot.refresh_from_db()
    twin = left_by(make_run(other, snapshot=snapshot))
    assert twin.adapter_sha256 == version.adapter_sha256
    assert lineage_ok(twin) == []
    snapshot.rows.update(completion="It weighs 3 kg.")
    assert any("Snapshot 1, interaction:" in breach for breach in lineage_ok(twin))
    assert lineage_ok(version) == []


def spoil_row_hash(version):
    SnapshotRow.objects.filter(pk=correction(version).pk).update(row_sha256="0" * 64)


def spoil_row_text(version):
    SnapshotRow.objects.filter(pk=correction(version).pk).update(completion="It costs 99 euros.")


def spoil_label_text(version):
    with connection.cursor() as cursor:  # a trigger refuses this; the owner of the table can put it aside
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE annotations_label DISABLE TRIGGER label_judgement_stays")
    Label.objects.filter(pk=correction(version).approval.label_id).update(rewrite="It costs 99 euros.")


def spoil_label_severity(version):
    correction(version).approval.label.categories.update(severity=3)


def spoil_comments(version):
    SpanComment.objects.create(label=correction(version).approval.label, start=0, end=3, exact="The", text="no")


def spoil_question(version):
    Interaction.objects.filter(pk=correction(version).interaction_id).update(prompt="How much is something else?")


def spoil_rehearsed_answer(version):
    row = version.run.snapshot.rows.get(position=3)
    Interaction.objects.filter(pk=row.interaction_id).update(output="It weighs 3 kg.")


def spoil_a_row_that_went(version):
    version.run.snapshot.rows.get(position=2).delete()


def change(path: Path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")


def spoil_stored_weights(version):
    change(store.folder_of(version.adapter_sha256) / "adapter_model.safetensors")


def spoil_stored_config(version):
    change(store.folder_of(version.adapter_sha256) / "adapter_config.json")


def spoil_train_file(version):
    change(run_folder(version.run) / "train.jsonl")


def spoil_spec(version):
    change(run_folder(version.run) / "spec.json")


def spoil_manifest(version):
    folder = run_folder(version.run)
    change(folder / "eval.jsonl")
    write_manifest(folder)


def spoil_by_removing_the_run(version):
    shutil.rmtree(run_folder(version.run))


def spoil_by_removing_the_adapter(version):
    shutil.rmtree(store.folder_of(version.adapter_sha256))


@pytest.mark.parametrize(
    "spoil", [f for name, f in sorted(globals().items()) if name.startswith("spoil_")], ids=lambda f: f.__name__
)
def test_one_change_anywhere_is_a_breach(version, spoil):
    assert lineage_ok(version) == []
    spoil(version)
    assert lineage_ok(version)


def test_a_developer_message_is_trained_as_a_system_message():
    assert as_chat([{"role": "developer", "content": "x"}]) == [{"role": "system", "content": "x"}]
