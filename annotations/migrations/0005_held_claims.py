"""Finding what a person holds must not go through everything that they ever judged."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0004_approved_is_approved")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(condition=models.Q(("state", "held")), fields=["by"], name="claim_held"),
        ),
    ]
