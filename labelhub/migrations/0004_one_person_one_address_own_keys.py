"""Addresses in small letters, each of one person; zones that there are; no key that somebody else read."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models.functions import Lower

import labelhub.people.zones

# Twins stay as they are: the constraint then names them, for a person must say which of the two remains.
SMALL_LETTERS = """
UPDATE labelhub_user u SET email = lower(email)
WHERE email <> lower(email)
  AND NOT EXISTS (SELECT 1 FROM labelhub_user t WHERE t.id <> u.id AND lower(t.email) = lower(u.email))
"""
READ_BY_SOMEBODY_ELSE = """
UPDATE labelhub_apikey SET revoked_at = now()
WHERE revoked_at IS NULL AND person_id IS NOT NULL AND created_by_id IS DISTINCT FROM person_id
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("labelhub", "0003_key_use")]
    operations: ClassVar = [
        migrations.AlterField(
            model_name="user",
            name="time_zone",
            field=models.CharField(default="UTC", max_length=64, validators=[labelhub.people.zones.ensure_zone]),
        ),
        migrations.RunSQL(SMALL_LETTERS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                Lower("email"),
                name="email_belongs_to_one_person_whatever_its_case",
                violation_error_message="Somebody has this address already.",
            ),
        ),
        migrations.RunSQL(READ_BY_SOMEBODY_ELSE, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("person", None),
                    models.Q(("created_by", models.F("person")), ("created_by__isnull", False)),
                    ("revoked_at__isnull", False),
                    _connector="OR",
                ),
                name="key_of_a_person_is_made_by_that_person",
            ),
        ),
    ]
