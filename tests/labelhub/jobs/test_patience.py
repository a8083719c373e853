"""Work that was done is written down, also when the database is away for a while."""

import pytest
from django.db import OperationalError, connection

from labelhub.jobs.patience import patiently


@pytest.mark.django_db
def test_what_was_written_while_the_database_was_away_is_written_once_it_is_back():
    tries = []

    def write():
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the database system is starting up")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone()[0]

    with pytest.raises(OperationalError):  # inside a transaction there is nothing to wait for
        patiently(write)


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_is_tried_again():
    tries = []

    def write():
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the database system is starting up")
        return len(tries)

    assert patiently(write) == 3
