from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0024_thumbs_up"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                (
                    "severity",
                    models.PositiveSmallIntegerField(default=1, help_text="At least: 1 hardly matters, 3 does harm."),
                ),
                ("words", models.CharField(blank=True, help_text="That stand in the question.", max_length=100)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project")),
                (
                    "rule",
                    models.ForeignKey(
                        help_text="Empty: any, and people.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="annotations.rule",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "by", "name"), name="view_name_is_unique_for_its_owner"),
                    models.CheckConstraint(
                        condition=models.Q(("severity__range", (1, 3))), name="view_severity_is_one_to_three"
                    ),
                ],
            },
        ),
    ]
