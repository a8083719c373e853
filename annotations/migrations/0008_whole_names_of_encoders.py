"""A set of vectors is named by the whole of its encoder's folder or hub id; it was by the last part of it.

Without the new name every vector would be made again, and nothing near be found until then.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.db import migrations, models

from annotations.recall.models import encoder_name


def name_in_whole(apps: Any, _schema_editor: Any = None) -> None:
    """The set of the encoder that is configured now. Where there is one of the whole name, vectors are made in it."""
    sets, name = apps.get_model("annotations", "EncoderSet").objects, encoder_name()
    if not sets.filter(name=name).exists():
        last_part = settings.LABELHUB_ENCODER.rstrip("/").rsplit("/", 1)[-1]
        sets.filter(name=last_part).update(name=name)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("annotations", "0007_kinds_of_embedding")]
    operations: ClassVar = [
        migrations.RunPython(name_in_whole, migrations.RunPython.noop),
        migrations.AlterField(
            "importjob",
            "rejects",
            models.JSONField(
                default=list,
                help_text="[{line, error}]: as line 0 what became of the file, then the first thousand refused lines.",
            ),
        ),
    ]
