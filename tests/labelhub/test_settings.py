import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from labelhub.settings import database, refuse_unsafe_start

ROOT = Path(__file__).parents[2]
GOOD = {"secret": "x1y2z3a4b5" * 6, "hosts": ["labelhub.example"], "debug": False, "local": False,
        "database": "postgresql://u:p@h/d"}  # fmt: skip


@pytest.mark.bar("3a-50", "S16")
@pytest.mark.parametrize(
    "bad",
    [
        {"secret": "short"},
        {"secret": "a" * 60},
        {"hosts": ["*"]},
        {"hosts": []},
        {"debug": True},
        {"database": "postgresql:///d?embedded=1"},
    ],
)
def test_an_unsafe_start_is_refused(bad):
    refuse_unsafe_start(**GOOD)
    with pytest.raises(ImproperlyConfigured):
        refuse_unsafe_start(**{**GOOD, **bad})


def test_every_variable_that_settings_read_is_documented():
    names = set(re.findall(r'read_\w+\(\s*"([A-Z_]+)"', (ROOT / "labelhub" / "settings.py").read_text()))
    documented = (ROOT / "docs" / "operators.md").read_text()
    assert names
    assert [name for name in sorted(names) if f"`{name}`" not in documented] == []


def test_only_postgres_is_a_database():
    with pytest.raises(ImproperlyConfigured):
        database("sqlite:///x", "web")
    assert "pool" in database("postgresql://u@h/d", "web")["OPTIONS"]
    assert "pool" not in database("postgresql://u@h/d", "worker")["OPTIONS"]


def test_the_web_process_loads_no_torch():
    code = "import django; django.setup(); import labelhub.urls, sys; print([m for m in ('torch', 'transformers', 'peft', 'trl') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr
