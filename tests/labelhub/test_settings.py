import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from labelhub.database import database
from labelhub.embedded import home
from labelhub.environment import refuse_unsafe_start
from labelhub.keys.models import ApiKey
from labelhub.models import User

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


PUBLIC = {"SECRET_KEY": "x1y2z3a4b5" * 6, "ALLOWED_HOSTS": "labelhub.example", "DATABASE_URL": "postgresql://u:p@h/d"}
REFUSALS = {
    "no key": ({"SECRET_KEY": None}, "Set the environment variable SECRET_KEY"),
    "a short key": ({"SECRET_KEY": "x1y2z3a4b5" * 4}, "at least 50 random characters"),
    "a key of one letter": ({"SECRET_KEY": "k" * 64}, "at least 50 random characters"),
    "a key from Django's template": ({"SECRET_KEY": "django-insecure-" + "x1y2z3a4b5" * 5}, "django-insecure"),
    "any host": ({"ALLOWED_HOSTS": "*"}, "without *"),
    "any host below another": ({"ALLOWED_HOSTS": "labelhub.example,*.example"}, "without *"),
    "any host below a dot": ({"ALLOWED_HOSTS": ".example"}, "without *"),
    "no host": ({"ALLOWED_HOSTS": ""}, "name the hosts"),
    "debug on a public host": ({"DEBUG": "1"}, "DEBUG must be 0"),
    "debug that is neither": ({"DEBUG": "perhaps"}, "DEBUG must be 1 or 0"),
    "no database": ({"DATABASE_URL": None}, "Set the environment variable DATABASE_URL"),
    "the embedded database on a public host": ({"DATABASE_URL": "postgresql:///d?embedded=1"}, "Postgres of your own"),
    "another kind of database": ({"DATABASE_URL": "sqlite:///x"}, "everything in Postgres"),
    "a limit that is no number": (
        {"LABELHUB_KEY_REQUESTS_PER_MINUTE": "many"},
        "LABELHUB_KEY_REQUESTS_PER_MINUTE must be",
    ),
    "a limit of nothing": ({"LABELHUB_KEY_REQUESTS_PER_MINUTE": "0"}, "LABELHUB_KEY_REQUESTS_PER_MINUTE must be"),
    "a limit below nothing": ({"LABELHUB_KEY_REQUESTS_PER_MINUTE": "-5"}, "LABELHUB_KEY_REQUESTS_PER_MINUTE must be"),
    "a judge model without its name": (
        {"LABELHUB_JUDGE_URL": "https://judge.example/v1"},
        "LABELHUB_JUDGE_MODEL beside it",
    ),
    "a judge model at no http address": (
        {"LABELHUB_JUDGE_URL": "file:///etc/passwd", "LABELHUB_JUDGE_MODEL": "m"},
        "must be an http",
    ),
    "a process that there is none of": ({"LABELHUB_PROCESS": "wbe"}, "LABELHUB_PROCESS must be"),
}


def start(
    code: str = "import labelhub.wsgi; print('started')", cwd: Path = ROOT, **over: str | None
) -> subprocess.CompletedProcess[str]:
    """What a server does first: load the site. In a process of its own, with this environment only."""
    given = {**PUBLIC, "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "labelhub.settings", **over}
    environment = {name: value for name, value in given.items() if value is not None}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.bar("3a-50", "S16")
def test_a_public_site_with_all_that_it_needs_starts():
    assert start().stdout == "started\n"


@pytest.mark.bar("3a-50", "S16")
@pytest.mark.parametrize("what", REFUSALS)
def test_the_site_does_not_start_with_what_must_never_serve_and_says_what_to_set(what):
    over, words = REFUSALS[what]
    done = start(**over)
    assert done.returncode != 0
    assert "started" not in done.stdout
    assert words in done.stderr.splitlines()[-1]


@pytest.mark.bar("3a-50")
def test_a_public_site_that_was_given_no_database_does_not_fall_back_to_the_embedded_one():
    """Through manage.py, which starts the embedded one where nothing else is named; `up` starts servers that way."""
    environment = {**os.environ, "ALLOWED_HOSTS": "labelhub.example"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "Postgres of your own" in done.stderr


@pytest.mark.bar("3a-50", "S16")
@pytest.mark.django_db
def test_a_fresh_site_has_no_account_no_key_and_no_way_to_sign_up(client, hashed_static):
    assert User.objects.count() == 0
    assert ApiKey.objects.count() == 0
    form = {"email": "me@example.org", "password1": "correct horse battery", "password2": "correct horse battery"}
    for response in (client.get("/accounts/signup/"), client.post("/accounts/signup/", form)):
        assert "password1" not in response.content.decode()
    assert User.objects.count() == 0
    for name, password in (("admin", "admin"), ("admin@example.org", "12345678"), ("root@localhost", "root")):
        client.post("/accounts/login/", {"login": name, "password": password})
        assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("folder", ["elsewhere", "./elsewhere", "{root}/elsewhere", "{root}/var/../elsewhere"])
def test_a_relative_data_folder_lies_in_the_checkout_wherever_a_process_was_started(folder, tmp_path, monkeypatch):
    """Commands and their children run in different folders; adapters and the embedded Postgres lie in one."""
    chosen = folder.format(root=ROOT)
    monkeypatch.setenv("LABELHUB_DATA_DIR", chosen)
    monkeypatch.chdir(tmp_path)
    code = "from django.conf import settings; print(settings.DATA_DIR)"
    done = start(code, tmp_path, LABELHUB_DATA_DIR=chosen, PYTHONPATH=str(ROOT))
    assert done.stdout.strip() == str(ROOT / "elsewhere"), done.stderr
    assert home().path == ROOT / "elsewhere"


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
