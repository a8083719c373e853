from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0017_pairs"),
        ("labelhub", "0006_notices"),
    ]

    operations: ClassVar = [
        migrations.RemoveConstraint(
            model_name="rule",
            name="rule_is_one_per_kind",
        ),
        migrations.AddField(
            model_name="rule",
            name="name",
            field=models.CharField(blank=True, help_text="Of a list of words: what they are about.", max_length=60),
        ),
        migrations.AddField(
            model_name="rule",
            name="share",
            field=models.FloatField(
                default=1, help_text="Of the answers that it sees, those that it may flag; 0 to 1."
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="version",
            field=models.PositiveIntegerField(default=1, help_text="Grows with every change."),
        ),
        migrations.AddField(
            model_name="rule",
            name="words",
            field=models.TextField(blank=True, help_text="Of a list of words: one a line."),
        ),
        migrations.AlterField(
            model_name="flag",
            name="rule",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="flags", to="annotations.rule"
            ),
        ),
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
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="threshold",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "words"), _negated=True),
                fields=("project", "kind"),
                name="rule_is_one_per_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "words")), fields=("project", "name"), name="rule_is_one_per_list"
            ),
        ),
        migrations.AddConstraint(
            model_name="rule",
            constraint=models.CheckConstraint(
                condition=models.Q(("severity__gte", 1), ("severity__lte", 3), ("share__gte", 0), ("share__lte", 1)),
                name="rule_severity_and_share",
            ),
        ),
    ]
