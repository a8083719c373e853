from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

APPROVED_STAYS = """
CREATE OR REPLACE FUNCTION annotations_what_was_approved_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.label_id, NEW.by_id, NEW.interaction_id, NEW.project_id, NEW.at{new})
        IS DISTINCT FROM (OLD.id, OLD.label_id, OLD.by_id, OLD.interaction_id, OLD.project_id, OLD.at{old}) THEN
        RAISE EXCEPTION 'what_was_approved_stays: an approval is an act and keeps who, what and when'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0016_suggestions"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Candidate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
                (
                    "version",
                    models.CharField(blank=True, help_text="Of the model, as it calls itself.", max_length=200),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("model", "another version of the model"), ("person", "a person")],
                        default="model",
                        max_length=6,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="reviewtask",
            name="task_is_one_per_interaction_in_a_queue",
        ),
        migrations.AddField(
            model_name="approval",
            name="of_pair",
            field=models.BooleanField(
                db_default=False, help_text="It says which of two answers is better, not what is right."
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="swapped",
            field=models.BooleanField(
                db_default=False, help_text="Of a pair: the other answer is shown first, by lot."
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="swapped",
            field=models.BooleanField(help_text="Of a pair: the other answer was shown first.", null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="mode",
            field=models.CharField(
                choices=[
                    ("correction", "what is wrong with an answer, and what it should have been"),
                    ("pairwise", "which of two answers is better"),
                ],
                default="correction",
                help_text="What is asked. It stays as it is.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="label",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("good", "Good"),
                    ("flawed", "Flawed"),
                    ("cannot_judge", "Cannot Judge"),
                    ("a", "the answer given is better"),
                    ("b", "the other answer is better"),
                    ("equal", "both are alike"),
                    ("neither", "neither is good"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="candidate",
            name="interaction",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="candidates", to="annotations.interaction"
            ),
        ),
        migrations.AddField(
            model_name="candidate",
            name="project",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project"),
        ),
        migrations.AddField(
            model_name="reviewtask",
            name="candidate",
            field=models.ForeignKey(
                help_text="Of a pair: the other answer.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tasks",
                to="annotations.candidate",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewtask",
            constraint=models.UniqueConstraint(
                condition=models.Q(("calibration", False), ("candidate", None)),
                fields=("queue", "interaction"),
                name="task_is_one_per_interaction_in_a_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewtask",
            constraint=models.UniqueConstraint(fields=("queue", "candidate"), name="task_is_one_per_pair_in_a_queue"),
        ),
        migrations.AddConstraint(
            model_name="candidate",
            constraint=models.UniqueConstraint(
                models.F("interaction"),
                django.db.models.functions.text.MD5("text"),
                name="candidate_is_one_per_answer_and_text",
            ),
        ),
        migrations.RunSQL(
            APPROVED_STAYS.format(new=", NEW.of_pair", old=", OLD.of_pair"), APPROVED_STAYS.format(new="", old="")
        ),
    ]
