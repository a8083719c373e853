from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0014_assignments"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="CalibrationResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "agreement",
                    models.FloatField(help_text="0 to 1: 1 - the distance of the two judgements, see ranking.py."),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="reviewtask",
            name="task_is_one_per_interaction_in_a_queue",
        ),
        migrations.AddField(
            model_name="queue",
            name="calibration_every",
            field=models.PositiveSmallIntegerField(
                default=20,
                help_text="One in so many that a person takes is a calibration item, if there are any; 0: none.",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="calibration_feedback",
            field=models.BooleanField(
                default=True, help_text="Who has judged a calibration item is shown the gold answer."
            ),
        ),
        migrations.AddField(
            model_name="reviewtask",
            name="calibration",
            field=models.BooleanField(
                default=False,
                help_text="Its gold answer is known: everybody judges it, to see whether they judge alike.",
            ),
        ),
        migrations.AddIndex(
            model_name="reviewtask",
            index=models.Index(
                condition=models.Q(("calibration", True), ("state", "open")), fields=["queue"], name="task_calibrating"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewtask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("calibration", False)),
                fields=("queue", "interaction"),
                name="task_is_one_per_interaction_in_a_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewtask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("calibration", True)),
                fields=("queue", "interaction"),
                name="calibration_is_one_per_interaction",
            ),
        ),
        migrations.AddField(
            model_name="calibrationresult",
            name="gold",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="annotations.approval"
            ),
        ),
        migrations.AddField(
            model_name="calibrationresult",
            name="label",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="calibration", to="annotations.label"
            ),
        ),
        migrations.AddConstraint(
            model_name="calibrationresult",
            constraint=models.CheckConstraint(
                condition=models.Q(("agreement__range", (0, 1))), name="agreement_is_a_share"
            ),
        ),
    ]
