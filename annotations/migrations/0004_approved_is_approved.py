"""Ways round author ≠ approver that were still open: an approved text that changes, and rows that change places.

Raw SQL could approve as a second person and write the text anew afterwards; say that somebody else had approved; delete
a label and put another author's under its id before the deferred foreign key looks; move a task to another answer.
"""

from typing import ClassVar

from django.db import migrations

STAYS = """
CREATE FUNCTION annotations_approval_holds_its_label() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM annotations_label WHERE id = NEW.label_id FOR SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER approval_holds_its_label BEFORE INSERT ON annotations_approval
    FOR EACH ROW EXECUTE FUNCTION annotations_approval_holds_its_label();

CREATE FUNCTION annotations_what_was_approved_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.label_id, NEW.by_id, NEW.interaction_id, NEW.project_id, NEW.at)
        IS DISTINCT FROM (OLD.id, OLD.label_id, OLD.by_id, OLD.interaction_id, OLD.project_id, OLD.at) THEN
        RAISE EXCEPTION 'what_was_approved_stays: an approval is an act and keeps who, what and when'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER what_was_approved_stays BEFORE UPDATE ON annotations_approval
    FOR EACH ROW EXECUTE FUNCTION annotations_what_was_approved_stays();

CREATE FUNCTION annotations_label_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM annotations_approval WHERE label_id = NEW.id) THEN
        RAISE EXCEPTION 'label_is_new: an approval of another label stands under this id' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER label_is_new BEFORE INSERT ON annotations_label
    FOR EACH ROW EXECUTE FUNCTION annotations_label_is_new();

-- Words may be taken out, as an erasure does; other words are another label.
CREATE FUNCTION annotations_label_judgement_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.project_id, NEW.verdict) IS DISTINCT FROM (OLD.id, OLD.project_id, OLD.verdict)
        OR (NEW.rewrite <> OLD.rewrite AND NEW.rewrite <> '') THEN
        RAISE EXCEPTION 'label_judgement_stays: a label is never changed, an edit is a new label'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER label_judgement_stays BEFORE UPDATE ON annotations_label
    FOR EACH ROW EXECUTE FUNCTION annotations_label_judgement_stays();

CREATE FUNCTION annotations_task_keeps_its_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.interaction_id, NEW.project_id) IS DISTINCT FROM (OLD.id, OLD.interaction_id, OLD.project_id) THEN
        RAISE EXCEPTION 'task_keeps_its_answer: a task is about one answer' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER task_keeps_its_answer BEFORE UPDATE ON annotations_reviewtask
    FOR EACH ROW EXECUTE FUNCTION annotations_task_keeps_its_answer();
"""
NOTHING_STAYS = """
DROP TRIGGER approval_holds_its_label ON annotations_approval;
DROP FUNCTION annotations_approval_holds_its_label();
DROP TRIGGER what_was_approved_stays ON annotations_approval;
DROP FUNCTION annotations_what_was_approved_stays();
DROP TRIGGER label_is_new ON annotations_label;
DROP FUNCTION annotations_label_is_new();
DROP TRIGGER label_judgement_stays ON annotations_label;
DROP FUNCTION annotations_label_judgement_stays();
DROP TRIGGER task_keeps_its_answer ON annotations_reviewtask;
DROP FUNCTION annotations_task_keeps_its_answer();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0003_partitions_and_four_eyes")]
    operations: ClassVar = [migrations.RunSQL(STAYS, NOTHING_STAYS)]
