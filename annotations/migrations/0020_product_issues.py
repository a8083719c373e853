from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0019_taken_sessions"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="decision",
            name="kind",
            field=models.CharField(
                choices=[
                    ("route", "sent to experts"),
                    ("dismiss", "dismissed"),
                    ("escalate", "escalated"),
                    ("product_issue", "made a product issue"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="ProductIssue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(choices=[("open", "Open"), ("closed", "Closed")], default="open", max_length=6),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project")),
            ],
        ),
        migrations.AddField(
            model_name="decision",
            name="issue",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="annotations.productissue",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("issue__isnull", False), ("kind", "product_issue")),
                    models.Q(models.Q(("kind", "product_issue"), _negated=True), ("issue", None)),
                    _connector="OR",
                ),
                name="decision_names_its_issue",
            ),
        ),
        migrations.AddConstraint(
            model_name="productissue",
            constraint=models.UniqueConstraint(fields=("project", "title"), name="issue_title_is_unique"),
        ),
    ]
