"""manage.py import_interactions, as people type it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from annotations.capture.models import Feedback, Interaction
from tests.factories import make_project

pytestmark = pytest.mark.django_db
GUIDE = Path(settings.BASE_DIR) / "docs" / "engineers.md"


def write(path, *lines):
    file = path / "past.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(file)


def test_the_command_of_the_guide_works_to_the_letter(tmp_path):
    project, file = make_project(), write(tmp_path, {"question": "How much?", "answer": "45 euros.", "correct": False})
    written = re.search(r"`manage\.py (import_interactions [^`]*)`", GUIDE.read_text())
    assert written is not None
    words = [{"FILE": file, "P": project.slug}.get(word, word) for word in shlex.split(written[1])]
    call_command(*words)
    assert Interaction.objects.get().prompt == "How much?"
    assert Feedback.objects.get().value == -1


@pytest.mark.parametrize(
    "words", [["--map", "prompt=q", "--map", "output=a"], ["--map", "prompt=q", "output=a"], ["--map=prompt=q", "--map=output=a"]]
)  # fmt: skip
def test_a_mapping_is_given_in_one_go_or_piece_by_piece(tmp_path, words):
    file = write(tmp_path, {"q": "a = b?", "a": "Yes."})
    call_command("import_interactions", file, "--project", make_project().slug, *words)
    assert Interaction.objects.get().prompt == "a = b?"


@pytest.mark.parametrize("pair", ["x", "=q", "prompt=", "wizard=q"])
def test_a_mapping_that_says_nothing_is_refused_in_words(tmp_path, pair):
    with pytest.raises(CommandError, match=re.escape(pair.strip("=").split("=")[0])):
        call_command("import_interactions", write(tmp_path, {}), "--project", make_project().slug, "--map", pair)


def test_it_tells_how_many_lines_were_refused_and_the_first_of_them(tmp_path, capsys):
    file = write(tmp_path, *({"prompt": n} for n in range(1_200)))
    with pytest.raises(CommandError, match="1200 of 1200 lines were refused"):
        call_command("import_interactions", file, "--project", make_project().slug)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 20
    assert told[0].startswith("line 1: messages must be text")
