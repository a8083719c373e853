from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0022_scores"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="decision",
            name="into",
            field=models.ForeignKey(
                help_text="Of a merge.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="merged",
                to="annotations.session",
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="origin",
            field=models.ForeignKey(
                help_text="The end user's words that it vouches for.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="annotations.feedback",
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="kind",
            field=models.CharField(
                choices=[
                    ("route", "sent to experts"),
                    ("dismiss", "dismissed"),
                    ("escalate", "escalated"),
                    ("product_issue", "made a product issue"),
                    ("correction", "the end user's correction taken"),
                    ("merge", "put with another session"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("into__isnull", False), ("kind", "merge")),
                    models.Q(models.Q(("kind", "merge"), _negated=True), ("into", None)),
                    _connector="OR",
                ),
                name="decision_names_what_it_merges_into",
            ),
        ),
    ]
