"""What the trainer gets to see: rows that are still what was frozen, or nothing."""

import pytest

from labelhub.errors import Conflict
from tests.factories import make_project
from tests.training.makers import make_run, make_snapshot
from training.lm.contract import SPEC
from training.lm.specs import read_run
from training.runs import folders
from training.runs.folders import prepare, run_folder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_folder")]


def test_a_folder_holds_the_rows_of_the_snapshot_and_is_written_once():
    run = make_run(make_project(), snapshot=make_snapshot(make_project()), state="starting")
    folder = prepare(run)
    assert read_run(folder).dataset_sha256 == run.snapshot.content_sha256
    written = (folder / SPEC).stat().st_mtime_ns
    prepare(run)
    assert (folder / SPEC).stat().st_mtime_ns == written


def test_no_spec_of_changed_rows_is_ever_on_the_disk_for_the_next_supervisor_to_find(monkeypatch):
    run = make_run(make_project(), state="starting")
    run.snapshot.rows.filter(position=1).update(completion="Something else.")
    written = []
    monkeypatch.setattr(folders, "write_run", lambda folder, **_: written.append(folder))
    for _ in range(2):
        with pytest.raises(Conflict, match="changed after it was made"):
            prepare(run)
    assert written == []
    assert not (run_folder(run) / SPEC).exists()
