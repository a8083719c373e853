"""A decision knows its tasks, so that whichever is taken back last takes them along."""

from typing import ClassVar

from django.db import migrations, models

# Those that a standing decision made are held by all that sent them. A task whose maker was taken back before looks as
# if a hand had put it there, and stays.
TASKS_OF_DECISIONS = """
INSERT INTO annotations_decision_tasks (decision_id, reviewtask_id)
WITH sent AS (
    SELECT DISTINCT d.id AS decision_id, t.id AS task_id, t.routed_by_id = d.by_id AND t.created_at >= d.at AS made
    FROM annotations_decision d
    JOIN annotations_decision_flags df ON df.decision_id = d.id
    JOIN annotations_flag f ON f.id = df.flag_id
    JOIN annotations_reviewtask t ON t.queue_id = d.queue_id AND t.interaction_id = f.interaction_id
)
SELECT decision_id, task_id FROM sent WHERE task_id IN (SELECT task_id FROM sent WHERE made)
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0008_whole_names_of_encoders")]
    operations: ClassVar = [
        migrations.AddField(
            "decision",
            "tasks",
            models.ManyToManyField(
                "annotations.reviewtask",
                related_name="decisions",
                help_text="Those that it, or an earlier decision, put into the queue.",
            ),
        ),
        migrations.RunSQL(TASKS_OF_DECISIONS, migrations.RunSQL.noop),
    ]
