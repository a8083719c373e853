from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("labelhub", "0001_initial")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="apikey",
            name="exposed_at",
            field=models.DateTimeField(
                blank=True, help_text="When it was first sent in an address: replace it.", null=True
            ),
        ),
    ]
