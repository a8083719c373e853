"""Flagged sessions about the same are put together: one decision stands for all of them."""

import numpy as np
import pytest
from django.test import Client

from annotations.triage.actions.decisions import dismiss, merge, merge_all, undo
from annotations.triage.actions.flags import raise_flags, rules_of
from annotations.triage.board import on_board
from annotations.triage.likeness import alike
from annotations.triage.models import Decision
from labelhub.errors import Invalid, NotAllowed, NotFound, StaleState
from labelhub.keys.models import Scope
from labelhub.projects.rights import Role
from tests.factories import make_interaction, make_key, make_member, make_project, make_vector

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def moderator(project):
    return make_member(project, Role.MODERATOR)


def flagged(project, prompt="Where is my parcel?", towards=0.0):
    """`towards`: the angle of its question, in radians, to the others'."""
    interaction = make_interaction(project, prompt=prompt)
    vector = np.zeros(384, np.float32)
    vector[0], vector[1] = np.cos(towards), np.sin(towards)
    make_vector(interaction, vector)
    raise_flags(project, [(rules_of(project)[0], interaction, "thumb down")])
    return interaction.session


def test_what_is_put_with_another_leaves_the_board_and_makes_that_one_more_urgent(project, moderator):
    one, two, three = (flagged(project) for _ in range(3))
    before = on_board(project).get(pk=one.pk).due_at
    merge_all([two, three], into=one, by=moderator)
    row = on_board(project).get()
    assert (row, row.merged_count) == (one, 2)
    assert row.due_at < before


def test_it_is_undone_in_one_step(project, moderator):
    one, two = flagged(project), flagged(project)
    undo(merge(two, into=one, by=moderator), by=moderator)
    assert set(on_board(project)) == {one, two}


def test_nothing_is_put_with_itself_with_what_was_merged_or_across_projects(project, moderator):
    one, two, three = (flagged(project) for _ in range(3))
    with pytest.raises(Invalid):
        merge(one, into=one, by=moderator)
    merge(two, into=one, by=moderator)
    with pytest.raises(Invalid):
        merge(three, into=two, by=moderator)
    with pytest.raises(NotFound):
        merge(three, into=flagged(make_project()), by=moderator)
    with pytest.raises(NotAllowed):
        merge(three, into=one, by=make_member(project))
    dismiss(three, by=moderator, reason="spam")
    with pytest.raises(StaleState):
        merge(three, into=one, by=moderator)
    assert merge_all([three], into=one, by=moderator).decisions == []


def test_similar_ones_are_those_that_ask_nearly_the_same_and_are_open(project, moderator):
    one, near, nearer, far = (flagged(project, towards=angle) for angle in (0, 0.5, 0.2, 1.0))
    flagged(make_project())
    interaction = one.flags.get().interaction_id
    assert [found.session_id for found in alike(one, interaction)] == [nearer.pk, near.pk]
    dismiss(nearer, by=moderator, reason="spam")
    assert [found.session_id for found in alike(one, interaction)] == [near.pk]
    assert far.flags.open().exists()


def test_similar_ones_are_offered_on_the_board_and_put_together_there_and_over_the_api(project, moderator):
    one, two, three = (flagged(project, prompt=f"Where is parcel {n}?") for n in range(3))
    client = Client()
    client.force_login(moderator)
    page = client.get(f"/p/{project.slug}/triage/{one.pk}/").content.decode()
    assert f'name="session" value="{two.pk}" checked' in page
    client.post(f"/p/{project.slug}/triage/{one.pk}/merge/", {"session": [one.pk, two.pk, 2**40]})
    assert Decision.objects.get().session == two
    key = {"Authorization": f"Bearer {make_key(project, Scope.APPROVE, person=moderator)}"}
    body = {"session": three.pk, "kind": "merge", "into": one.pk}
    assert Client().post("/api/v1/decisions/", body, "application/json", headers=key).status_code == 201
    assert on_board(project).get() == one
    body = {"session": three.pk, "kind": "merge", "into": flagged(make_project()).pk}
    assert Client().post("/api/v1/decisions/", body, "application/json", headers=key).status_code == 404
