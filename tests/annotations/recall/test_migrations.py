"""What migrations do to vectors that were there before."""

from importlib import import_module

import pytest
from django.apps import apps

from annotations.recall.actions import PROMPT
from annotations.recall.models import Embedding, EncoderSet
from annotations.recall.nearest import vectors
from tests.factories import make_interaction, make_project, make_vector

pytestmark = pytest.mark.django_db
HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
name_in_whole = import_module("annotations.migrations.0008_whole_names_of_encoders").name_in_whole


@pytest.mark.parametrize(
    ("configured", "was"),
    [(HUB_ID, "all-MiniLM-L6-v2"), ("/srv/models/encoder/", "encoder"), (f"/srv/{'deep/' * 50}encoder", "encoder")],
)
def test_vectors_made_under_the_last_part_of_the_encoders_name_are_found_under_the_whole(settings, configured, was):
    settings.LABELHUB_ENCODER = configured
    interaction = make_interaction(make_project())
    make_vector(interaction, [1.0, *[0.0] * 383])
    EncoderSet.objects.update(name=was)
    assert not Embedding.objects.current().exists()
    name_in_whole(apps)
    assert list(vectors(interaction.project, PROMPT, [interaction.pk])) == [interaction.pk]


def test_a_set_of_the_whole_name_stays_and_so_does_one_of_another_encoder(settings):
    settings.LABELHUB_ENCODER = HUB_ID
    EncoderSet.objects.create(name="another")
    name_in_whole(apps)
    assert EncoderSet.objects.get().name == "another"
    EncoderSet.objects.create(name=HUB_ID)
    EncoderSet.objects.create(name="all-MiniLM-L6-v2")
    name_in_whole(apps)
    assert set(EncoderSet.objects.values_list("name", flat=True)) == {"another", HUB_ID, "all-MiniLM-L6-v2"}


def test_an_encoder_without_a_folder_keeps_its_name(settings):
    settings.LABELHUB_ENCODER = "encoder"
    EncoderSet.objects.create(name="encoder")
    name_in_whole(apps)
    assert EncoderSet.objects.get().name == "encoder"
