"""What one source gives over its share is left out of a snapshot, with a reason of its own."""

from typing import ClassVar

from django.db import migrations, models

REASONS = [
    ("not_approved", "submitted, not approved yet"),
    ("sent_back", "sent back to its author"),
    ("superseded", "a newer approval replaces it"),
    ("test_split", "kept out to test with (test split)"),
    ("duplicate", "the same question and answer are there already"),
    ("contradicted", "a newer approval answers the same question otherwise"),
    ("too_long", "longer than the recipe's length limit"),
    ("no_text", "flawed, but nobody wrote it right"),
    ("held_out", "nearly the same question as a held-out case"),
    ("not_drawn", "over the number of good answers asked for"),
    ("over_cap", "over the share that one source may have"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("training", "0001_initial")]
    operations: ClassVar = [
        migrations.AlterField(
            model_name="leftout",
            name="reason",
            field=models.CharField(choices=REASONS, max_length=12),
        ),
    ]
