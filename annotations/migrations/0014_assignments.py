from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0013_threads"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RemoveIndex(
            model_name="reviewtask",
            name="task_served_next",
        ),
        migrations.RemoveIndex(
            model_name="reviewtask",
            name="task_drawn",
        ),
        migrations.AddField(
            model_name="claim",
            name="snoozed_until",
            field=models.DateTimeField(help_text="Given back by somebody who wants it again then.", null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="assignment",
            field=models.CharField(
                choices=[
                    ("pull", "to nobody: whoever asks takes the next"),
                    ("round_robin", "to one after the other, in turn"),
                    ("load", "to whom the least is waiting for"),
                ],
                default="pull",
                help_text="To whom each new task is given.",
                max_length=11,
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="last_dealt_to",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reviewtask",
            name="reserved",
            field=models.BooleanField(default=False, help_text="Given to as many people as judge it: to nobody else."),
        ),
        migrations.AddIndex(
            model_name="reviewtask",
            index=models.Index(
                models.F("queue"),
                models.OrderBy(models.F("rank"), descending=True, nulls_last=True),
                models.F("id"),
                condition=models.Q(("reserved", False), ("state", "open")),
                name="task_served_next",
            ),
        ),
        migrations.AddIndex(
            model_name="reviewtask",
            index=models.Index(
                models.F("queue"),
                models.F("id"),
                condition=models.Q(("reserved", False), ("state", "open"), ("random_slice", True)),
                name="task_drawn",
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="by",
            field=models.ForeignKey(
                help_text="Empty: the queue's own rule.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="task",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="assignments", to="annotations.reviewtask"
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="to",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(fields=("task", "to"), name="assignment_is_one_per_person_and_task"),
        ),
    ]
