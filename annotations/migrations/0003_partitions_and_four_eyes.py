"""What Django's schema has no words for: the partitioned payload table, and the wall behind author ≠ approver."""

from typing import ClassVar

from django.db import migrations

PAYLOADS = """
CREATE TABLE annotations_rawpayload (
    received_at timestamptz NOT NULL,
    interaction_id bigint NOT NULL,
    project_id bigint NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (received_at, interaction_id)
) PARTITION BY RANGE (received_at);
CREATE TABLE annotations_rawpayload_other PARTITION OF annotations_rawpayload DEFAULT;
CREATE INDEX annotations_rawpayload_interaction ON annotations_rawpayload (interaction_id);

CREATE FUNCTION annotations_make_partitions(months int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    first date;
    made int := 0;
BEGIN
    FOR i IN 0..months LOOP
        first := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
        IF to_regclass('annotations_rawpayload_' || to_char(first, 'YYYYMM')) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE annotations_rawpayload_%s PARTITION OF annotations_rawpayload '
                'FOR VALUES FROM (%L) TO (%L)',
                to_char(first, 'YYYYMM'), first::timestamp AT TIME ZONE 'UTC',
                (first + interval '1 month')::timestamp AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT annotations_make_partitions(3);
"""
NO_PAYLOADS = """
DROP TABLE annotations_rawpayload;
DROP FUNCTION annotations_make_partitions(int);
"""
FOUR_EYES = """
CREATE FUNCTION annotations_author_is_not_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM annotations_label l WHERE l.id = NEW.label_id AND l.author_id = NEW.by_id) THEN
        RAISE EXCEPTION 'author_is_not_approver: the author of a label cannot approve it' USING ERRCODE = '23514';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM annotations_label l JOIN annotations_reviewtask t ON t.id = l.task_id
                   WHERE l.id = NEW.label_id AND t.interaction_id = NEW.interaction_id
                     AND l.project_id = NEW.project_id) THEN
        RAISE EXCEPTION 'approval_fits_its_label: interaction and project must be those of the label'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER author_is_not_approver BEFORE INSERT OR UPDATE ON annotations_approval
    FOR EACH ROW EXECUTE FUNCTION annotations_author_is_not_approver();

CREATE FUNCTION annotations_author_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.author_id <> OLD.author_id OR NEW.task_id <> OLD.task_id THEN
        RAISE EXCEPTION 'label_author_stays: a label keeps its author and its task' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER label_author_stays BEFORE UPDATE ON annotations_label
    FOR EACH ROW EXECUTE FUNCTION annotations_author_stays();
"""
NO_FOUR_EYES = """
DROP TRIGGER author_is_not_approver ON annotations_approval;
DROP FUNCTION annotations_author_is_not_approver();
DROP TRIGGER label_author_stays ON annotations_label;
DROP FUNCTION annotations_author_stays();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0002_initial")]
    operations: ClassVar = [
        migrations.RunSQL(PAYLOADS, NO_PAYLOADS),
        migrations.RunSQL(FOUR_EYES, NO_FOUR_EYES),
    ]
