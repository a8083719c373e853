"""Months that begin after the installation get a partition too, and what fell into the default one moves into it.

Only the present month is written to. So whoever captures waits while that month's partition is attached, and then finds
it; for any other month nobody waits.
"""

from typing import ClassVar

from django.db import migrations

MAKE_PARTITIONS = """
CREATE OR REPLACE FUNCTION annotations_make_partitions(months int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    present timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    month timestamp;
    partition text;
    starts timestamptz;
    ends timestamptz;
    made int := 0;
BEGIN
    LOCK TABLE ONLY annotations_rawpayload IN SHARE UPDATE EXCLUSIVE MODE;  -- workers wait, who captures does not
    FOREACH month IN ARRAY ARRAY(
        SELECT present + make_interval(months => n) FROM generate_series(0, months) AS n
        UNION SELECT date_trunc('month', received_at AT TIME ZONE 'UTC') FROM annotations_rawpayload_other
    ) LOOP
        partition := 'annotations_rawpayload_' || to_char(month, 'YYYYMM');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        IF month = present THEN
            LOCK TABLE ONLY annotations_rawpayload IN SHARE ROW EXCLUSIVE MODE;
        END IF;
        starts := month AT TIME ZONE 'UTC';
        ends := (month + interval '1 month') AT TIME ZONE 'UTC';
        EXECUTE format('CREATE TABLE %I (LIKE annotations_rawpayload INCLUDING ALL)', partition);
        EXECUTE format(
            'WITH moved AS (DELETE FROM annotations_rawpayload_other WHERE received_at >= %L AND received_at < %L '
            'RETURNING *) INSERT INTO %I SELECT * FROM moved', starts, ends, partition);
        EXECUTE format('ALTER TABLE annotations_rawpayload ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition, starts, ends);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
SELECT annotations_make_partitions(3);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0005_held_claims")]
    operations: ClassVar = [migrations.RunSQL(MAKE_PARTITIONS, migrations.RunSQL.noop)]
