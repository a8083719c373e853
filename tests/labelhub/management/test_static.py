"""Hashed static files: many processes of one checkout, one set of copies."""

from django.contrib.staticfiles.storage import staticfiles_storage

from labelhub.management.static import collect_if_needed


def test_a_process_that_looked_before_another_one_collected_knows_the_names_afterwards(hashed_static: None):
    staticfiles_storage.hashed_files = {}  # what the storage reads when there is no manifest yet
    collect_if_needed()  # finds the work done
    assert staticfiles_storage.url("img/mark.svg").startswith("/static/img/mark.")
