"""Says what kinds of texts are embedded."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0006_months_to_come")]
    operations: ClassVar = [
        migrations.AlterField(
            "embedding", "kind", models.CharField(help_text="What the object is: prompt, case.", max_length=20)
        )
    ]
