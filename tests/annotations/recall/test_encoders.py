"""Vectors of two encoders are never compared, and one that cannot be used stops nobody but itself."""

import json

import numpy as np
import pytest
from django.conf import settings

from annotations.capture.actions.ingest import ingest_interactions
from annotations.recall import nearest
from annotations.recall.actions import PROMPT, current_set, embed_missing, want
from annotations.recall.models import Embedding, EncoderSet
from labelhub.jobs.models import Job
from labelhub.llm import client as models
from tests.factories import make_approval, make_interaction, make_key, make_project, make_vector

pytestmark = pytest.mark.django_db
EARLIER, NOW = "/models/of-old/encoder", "/models/of-now/encoder"


def axis(n=0):
    vector = np.zeros(models.DIMENSIONS, np.float32)
    vector[n] = 1
    return vector


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def switch(monkeypatch):
    """switch(name): from now on texts are embedded by that encoder."""

    def to(name):
        monkeypatch.setattr(settings, "LABELHUB_ENCODER", name)

    to(EARLIER)
    return to


@pytest.fixture
def asked(monkeypatch):
    """The texts that the encoder was asked for; it gives each the same vector."""
    texts = []

    def embed(given, timeout=None):
        texts.extend(given)
        return np.tile(axis(5), (len(given), 1))

    monkeypatch.setattr(models, "embed", embed)
    return texts


def test_two_encoders_whose_folders_are_called_alike_are_two(switch):
    first = current_set()
    switch(f"{EARLIER}/")
    assert current_set() == first
    for name in (NOW, "x/" * 200 + "a", "x/" * 200 + "b"):
        switch(name)
        assert current_set() != first
    assert EncoderSet.objects.count() == 4


def test_no_question_is_compared_with_vectors_of_another_encoder(project, switch, django_assert_num_queries):
    old, new = make_interaction(project), make_interaction(project)
    make_vector(old, axis(0))
    switch(NOW)
    make_vector(new, axis(1))
    with django_assert_num_queries(1):
        near = nearest.nearest(project, PROMPT, axis(0), 5)
    assert [one.object_id for one in near] == [new.pk]
    with django_assert_num_queries(1):
        assert list(nearest.vectors(project, PROMPT, [old.pk, new.pk])) == [new.pk]
    switch(EARLIER)
    assert [one.object_id for one in nearest.nearest(project, PROMPT, axis(0), 5)] == [old.pk]


def test_a_text_that_another_encoder_knows_is_embedded_anew(project, switch, asked):
    interaction, other = make_interaction(project), make_interaction(make_project())
    make_vector(interaction, axis(0))
    make_vector(other, axis(0))
    switch(NOW)
    want(project, PROMPT, [(interaction.pk, interaction.prompt)])
    assert [embed_missing(project.pk), embed_missing(project.pk)] == [True, False]
    assert asked == [interaction.prompt]
    assert (nearest.vectors(project, PROMPT, [interaction.pk])[interaction.pk] == axis(5)).all()
    assert Embedding.objects.get(project=other.project).encoder_set.name == EARLIER


def test_what_another_encoder_made_is_missing_and_made_again_until_nothing_is_left(project, switch, asked):
    rows = [make_interaction(project, prompt=f"Question {n}?") for n in range(5)]
    for row in rows[:4]:
        make_vector(row, axis(0))
    want(project, "case", [(rows[0].pk, "A case?")])  # and never made
    switch(NOW)
    want(project, PROMPT, [(rows[3].pk, rows[3].prompt), (rows[4].pk, rows[4].prompt)])
    assert embed_missing(project.pk, limit=3)
    assert {"Question 3?", "Question 4?"} < set(asked), "what was wanted since comes first"
    while embed_missing(project.pk, limit=3):
        pass
    assert sorted(asked) == ["A case?", *(row.prompt for row in rows)]
    assert Embedding.objects.count() == 6
    assert Embedding.objects.current().ready().count() == 6
    assert not embed_missing(project.pk, limit=3)


def test_a_text_asked_again_is_embedded_once(project, switch, asked):
    rows = [make_interaction(project) for _ in range(3)]
    for row in rows:
        want(project, PROMPT, [(row.pk, row.prompt)])
        embed_missing(project.pk)
    assert asked == [rows[0].prompt]
    assert Embedding.objects.ready().count() == 3


def declined(*_, **__):
    raise models.Declined("The model server answered 413: The body is larger than 5 MiB.")


def away(*_, **__):
    raise models.Unavailable("The model server does not answer.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("answer", "attempts"), [(declined, 1), (away, 0)])
def test_an_encoder_that_declines_counts_as_a_failure_and_one_that_is_away_does_not(
    project, run_jobs, monkeypatch, answer, attempts
):
    monkeypatch.setattr(models, "embed", answer)
    question = [{"role": "user", "content": "Hi"}]
    ingest_interactions(project, [{"external_id": "i", "messages": question, "output": "Hello."}])
    run_jobs()
    job = Job.objects.get(path="annotations.recall.tasks.embed_captured")
    assert (job.state, job.attempt) == (Job.State.QUEUED, attempts)
    assert "The model server" in job.error


@pytest.mark.parametrize("answer", [declined, away])
def test_a_question_is_answered_whatever_the_encoder_says(client, project, monkeypatch, answer):
    make_approval(project)
    headers = {"Authorization": f"Bearer {make_key(project, 'inject')}"}
    monkeypatch.setattr(models, "embed", answer)
    told = client.post("/api/v1/context/", json.dumps({"prompt": "hi"}), "application/json", headers=headers)
    assert (told.status_code, told.json()) == (
        200,
        {"corrections": [], "guidance": [], "system_block": "", "degraded": True},
    )
