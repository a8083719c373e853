"""A partition for each month of raw payloads, made before the first of them arrives."""

from django.db import OperationalError, connection, transaction

AHEAD = 3  # months: so long may a site be without a worker before payloads fall into the default partition
WAITS = "500ms"  # for who holds the table; capturing waits behind this, and a web process only a little longer


def make_partitions() -> int:
    """Of the present month, the next ones, and those of payloads in the default partition, which move. How many.

    None when somebody, an import or a long look, holds what it needs: it is called again before it matters.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAITS}'")
            cursor.execute("SELECT annotations_make_partitions(%s)", [AHEAD])
            return int(cursor.fetchone()[0])
    except OperationalError as error:
        if "lock timeout" not in str(error):
            raise
        return 0
