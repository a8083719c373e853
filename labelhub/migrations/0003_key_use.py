"""The count of a key's requests. Unlogged: it is written often, and a crash may forget it."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("labelhub", "0002_key_seen_in_an_address")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="KeyUse",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="labelhub.apikey",
                    ),
                ),
                ("minute", models.DateTimeField()),
                ("used", models.BigIntegerField(help_text="Requests drawn in this minute, refused ones included.")),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE labelhub_keyuse SET UNLOGGED; ALTER TABLE labelhub_keyuse SET (fillfactor = 50)",
            "ALTER TABLE labelhub_keyuse SET LOGGED",
        ),
    ]
