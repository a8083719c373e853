"""Zones are chosen from a list since 0004; who had typed another name gets the zone in which pages showed it: UTC."""

from typing import Any, ClassVar

from django.db import migrations, models

from labelhub.people.zones import NAMES


def to_utc(apps: Any, _schema_editor: Any = None) -> None:
    apps.get_model("labelhub", "User").objects.exclude(time_zone__in=NAMES).update(time_zone="UTC")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("labelhub", "0004_one_person_one_address_own_keys")]
    operations: ClassVar = [
        migrations.RunPython(to_utc, migrations.RunPython.noop),
        migrations.AlterField(
            "apikey",
            "service",
            models.CharField(
                blank=True, max_length=80, help_text="Name of a service: it may ingest, send feedback, read, inject."
            ),
        ),
    ]
