from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0015_calibration"),
        ("labelhub", "0006_notices"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="queue",
            name="suggests",
            field=models.BooleanField(
                default=False, help_text="Who judges is shown what decided cases make likely, with its confidence."
            ),
        ),
        migrations.CreateModel(
            name="Suggestion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.CharField(choices=[("nearest", "decided cases like it")], default="nearest", max_length=7),
                ),
                ("confidence", models.FloatField(help_text="0 to 1: the share of their votes, see prelabels.py.")),
                ("cases", models.PositiveSmallIntegerField(help_text="How many decided cases had a vote.")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "category",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="labelhub.category"
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suggestions",
                        to="annotations.reviewtask",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SuggestionOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("taken", models.BooleanField()),
                (
                    "label",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suggestion_outcomes",
                        to="annotations.label",
                    ),
                ),
                (
                    "suggestion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outcomes",
                        to="annotations.suggestion",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="suggestion",
            constraint=models.UniqueConstraint(
                fields=("task", "category"), name="suggestion_is_one_per_task_and_category", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="suggestion",
            constraint=models.CheckConstraint(
                condition=models.Q(("confidence__range", (0, 1))), name="confidence_is_a_share"
            ),
        ),
        migrations.AddConstraint(
            model_name="suggestionoutcome",
            constraint=models.UniqueConstraint(
                fields=("suggestion", "label"), name="outcome_is_one_per_suggestion_and_label"
            ),
        ),
    ]
