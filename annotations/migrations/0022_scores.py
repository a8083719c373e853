from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0021_approval_policies"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="rule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("thumb_down", "the end user gave a thumb down"),
                    ("low_rating", "the end user rated it low"),
                    ("asked_again", "the end user asked again or regenerated"),
                    ("abandoned", "the end user left"),
                    ("suggested", "the end user wrote a better answer"),
                    ("named_fault", "the end user named a fault"),
                    ("copied", "the end user copied or praised it"),
                    ("rated_best", "the end user rated it best"),
                    ("low_confidence", "the model was unsure"),
                    ("low_logprob", "the model found its own words unlikely"),
                    ("personal_data", "personal data in question or answer"),
                    ("instructions", "words that read like an order to the model"),
                    ("words", "a word of a list in question or answer"),
                    ("unsupported", "a number that no retrieved document has"),
                    ("audit", "drawn at random"),
                    ("rephrased", "the end user asked the same in other words"),
                    ("near_problem", "near a question that was answered wrong before"),
                    ("far_from_gold", "far from the approved answer to the same question"),
                    ("new_language", "a language that is new here"),
                    ("new_region", "a question unlike those before"),
                    ("judged", "the judge model rated it low"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Metric",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("person", "Person"),
                            ("judge", "judge model"),
                            ("heuristic", "Heuristic"),
                            ("signal", "Signal"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("number", "Number"), ("class", "Class")], default="number", max_length=6
                    ),
                ),
                (
                    "description",
                    models.TextField(help_text="What it measures; of the judge model the rubric that it is given."),
                ),
                ("threshold", models.FloatField(help_text="A number below it counts as low.", null=True)),
                (
                    "share",
                    models.FloatField(
                        default=0, help_text="Of the judge model: the answers that it is asked about; 0 to 1."
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        help_text="Nobody: it comes with LabelHub.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project")),
            ],
        ),
        migrations.CreateModel(
            name="Score",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.FloatField(null=True)),
                (
                    "label",
                    models.CharField(blank=True, help_text="The class, where the metric is one.", max_length=80),
                ),
                ("model", models.CharField(blank=True, help_text="The judge model that gave it.", max_length=120)),
                (
                    "note",
                    models.CharField(blank=True, help_text="What it rests on, or why there is none.", max_length=1000),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        help_text="When a person gave it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "interaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scores",
                        to="annotations.interaction",
                    ),
                ),
                (
                    "metric",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scores", to="annotations.metric"
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project")),
            ],
        ),
        migrations.AddConstraint(
            model_name="metric",
            constraint=models.UniqueConstraint(fields=("project", "name", "version"), name="metric_version_is_unique"),
        ),
        migrations.AddConstraint(
            model_name="metric",
            constraint=models.CheckConstraint(
                condition=models.Q(("share__range", (0, 1))), name="metric_share_is_a_share"
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                condition=models.Q(("label", ""), ("value", None)), fields=["project"], name="score_missing"
            ),
        ),
        migrations.AddConstraint(
            model_name="score",
            constraint=models.UniqueConstraint(
                fields=("metric", "interaction", "by"), name="score_is_given_once", nulls_distinct=False
            ),
        ),
    ]
