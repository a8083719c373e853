from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0011_revisions")]

    operations: ClassVar = [
        migrations.RemoveIndex(model_name="reviewtask", name="task_next"),
        migrations.AddField(
            model_name="queue",
            name="order",
            field=models.CharField(
                choices=[
                    ("priority", "the most urgent first"),
                    ("oldest", "the oldest first"),
                    ("uncertain", "what the model was least sure of first"),
                    ("novel", "what is least like anything decided first"),
                    ("disagreed", "what people disagree on most first"),
                ],
                default="priority",
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="reviewtask",
            name="rank",
            field=models.FloatField(help_text="The larger the sooner it is served; see ranking.py.", null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="random_tenth",
            field=models.BooleanField(
                default=True,
                help_text="Draws one answer in ten at random from all that was captured: figures rest on those.",
            ),
        ),
        # Every queue served by priority until now.
        migrations.RunSQL("UPDATE annotations_reviewtask SET rank = priority", migrations.RunSQL.noop, elidable=True),
        migrations.AddIndex(
            model_name="reviewtask",
            index=models.Index(
                models.F("queue"),
                models.OrderBy(models.F("rank"), descending=True, nulls_last=True),
                models.F("id"),
                condition=models.Q(("state", "open")),
                name="task_served_next",
            ),
        ),
        migrations.AddIndex(
            model_name="reviewtask",
            index=models.Index(
                models.F("queue"),
                models.F("id"),
                condition=models.Q(("random_slice", True), ("state", "open")),
                name="task_drawn",
            ),
        ),
        migrations.AddIndex(model_name="claim", index=models.Index(fields=["by", "-claimed_at"], name="claim_latest")),
        migrations.AddIndex(
            model_name="reviewtask",
            index=models.Index(
                models.F("project"), condition=models.Q(("rank", None), ("state", "open")), name="task_unranked"
            ),
        ),
    ]
