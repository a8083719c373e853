"""Rules and product issues over the API: read, changed by version, tried out; what is foreign is unknown."""

import pytest
from django.test import Client

from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.actions.issues import make_issue_of
from annotations.triage.models import Flag, ProductIssue, Rule
from labelhub.keys.models import Scope
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_key, make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def ask(project):
    key = make_key(project, Scope.APPROVE, person=make_member(project, Role.MODERATOR))
    client, headers = Client(), {"Authorization": f"Bearer {key}"}

    def send(method, path, **body):
        return getattr(client, method)(f"/api/v1/{path}", body or None, "application/json", headers=headers)

    send.get = lambda path: client.get(f"/api/v1/{path}", headers=headers)
    return send


def of_kind(project, kind):
    return next(rule for rule in rules_of(project) if rule.kind == kind)


def test_the_rules_are_listed_with_what_they_did(project, ask):
    rule, interaction = of_kind(project, "thumb_down"), make_interaction(project)
    raise_flags(project, [(rule, interaction, "thumb down")])
    listed = {one["kind"]: one for one in ask.get("rules/").json()["items"]}
    assert listed["thumb_down"]["raised"] == listed["thumb_down"]["waiting"] == 1
    assert set(listed) == set(Rule.Kind.values) - {"words"}


def test_a_rule_is_tried_out_and_changed_by_version(project, ask):
    rule = of_kind(project, "low_confidence")
    for confidence in 0.1, 0.3, 0.5:
        make_interaction(project, confidence=confidence)
    tried = ask("patch", f"rules/{rule.pk}/", threshold=0.35, preview=True).json()
    assert (tried["would_flag"], tried["looked_at"]) == (2, 3)
    assert not Flag.objects.exists()
    changed = ask("patch", f"rules/{rule.pk}/", threshold=0.35, after=rule.version)
    assert (changed.json()["threshold"], changed.json()["version"], changed.json()["active"]) == (0.35, 2, True)
    assert ask("patch", f"rules/{rule.pk}/", threshold=0.9, after=rule.version).status_code == 409
    for wrong in {"threshold": 7}, {"threshold": "x"}, {"share": 2}, {"severity": 9}, {"active": "yes"}:
        assert ask("patch", f"rules/{rule.pk}/", after=2, **wrong).status_code == 422, wrong
    assert ask.get(f"rules/{rule.pk}/").json()["threshold"] == 0.35


def test_a_list_of_words_is_made_and_filled(project, ask):
    made = ask("post", "rules/", name="Safety").json()
    assert (made["words"], made["active"]) == ([], False)
    filled = ask("patch", f"rules/{made['id']}/", words=["gas leak", "burn"], active=True, after=1)
    assert filled.json()["words"] == ["gas leak", "burn"]
    assert ask("post", "rules/", name="Safety").status_code == 409


def test_issues_are_listed_closed_and_opened_again(project, ask):
    interaction = make_interaction(project)
    raise_flags(project, [(of_kind(project, "thumb_down"), interaction, "thumb down")])
    make_issue_of(interaction.session, title="Parcels are slow", by=make_member(project, Role.MODERATOR))
    issue = ProductIssue.objects.get()
    listed = ask.get("issues/").json()["items"]
    assert listed == [{"id": issue.pk, "title": "Parcels are slow", "state": "open", "sessions": 1}]
    assert ask("patch", f"issues/{issue.pk}/", state="closed").json()["state"] == "closed"
    assert ask("patch", f"issues/{issue.pk}/", state="closed").status_code == 409
    assert ask("patch", f"issues/{issue.pk}/", state="gone").status_code == 422


@pytest.mark.bar("3a-57")
def test_what_is_foreign_answers_as_what_is_unknown(project, ask):
    other = make_project()
    foreign = of_kind(other, "thumb_down")
    issue = ProductIssue.objects.create(project=other, title="Theirs", by=make_member(other, Role.MODERATOR))
    for path in f"rules/{foreign.pk}/", f"issues/{issue.pk}/", f"rules/{2**40}/", f"issues/{2**40}/":
        assert ask("patch", path, state="closed", after=1).status_code == 404, path


def test_who_does_not_moderate_reads_and_changes_none(project):
    expert = make_member(project)
    headers = {"Authorization": f"Bearer {make_key(project, Scope.LABEL, person=expert)}"}
    for path in "rules/", "issues/", f"rules/{of_kind(project, 'thumb_down').pk}/":
        assert Client().get(f"/api/v1/{path}", headers=headers).status_code == 403
