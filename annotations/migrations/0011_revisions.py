from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0010_withdrawals")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="label",
            name="revises",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="revisions",
                to="annotations.label",
            ),
        ),
    ]
