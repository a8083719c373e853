from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

FOUR_EYES = """
CREATE FUNCTION annotations_guidance_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM annotations_guidance g WHERE g.id = NEW.guidance_id AND g.author_id = NEW.by_id) THEN
        RAISE EXCEPTION 'author_is_not_approver: the author of guidance cannot approve it' USING ERRCODE = '23514';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'guidance_approval_stays: an approval is an act and keeps who, what and when'
            USING ERRCODE = '23514';
    END IF;
    PERFORM 1 FROM annotations_guidance WHERE id = NEW.guidance_id FOR SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER guidance_approver BEFORE INSERT OR UPDATE ON annotations_guidanceapproval
    FOR EACH ROW EXECUTE FUNCTION annotations_guidance_approver();

-- What it came from may be taken back; words may be taken out, as an erasure does.
CREATE FUNCTION annotations_guidance_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.project_id, NEW.author_id, NEW.reach, NEW.expires_at)
        IS DISTINCT FROM (OLD.project_id, OLD.author_id, OLD.reach, OLD.expires_at)
        OR (NEW.trigger <> OLD.trigger AND NEW.trigger <> '')
        OR (NEW.instruction <> OLD.instruction AND NEW.instruction <> '') THEN
        RAISE EXCEPTION 'guidance_stays: guidance is never changed, another one is drafted' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guidance_stays BEFORE UPDATE ON annotations_guidance
    FOR EACH ROW EXECUTE FUNCTION annotations_guidance_stays();
"""
NO_FOUR_EYES = """
DROP TRIGGER guidance_approver ON annotations_guidanceapproval;
DROP FUNCTION annotations_guidance_approver();
DROP TRIGGER guidance_stays ON annotations_guidance;
DROP FUNCTION annotations_guidance_stays();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0025_saved_views"),
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
                    ("correction", "the end user's correction taken"),
                    ("merge", "put with another session"),
                    ("guidance", "made guidance"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Guidance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("trigger", models.TextField(help_text="A question that it is for.")),
                ("instruction", models.TextField()),
                (
                    "reach",
                    models.FloatField(
                        default=0.75, help_text="Questions at least this near to the trigger (cosine) are meant."
                    ),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        help_text="That it came from.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="annotations.decision",
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project")),
            ],
            options={
                "verbose_name_plural": "guidance",
            },
        ),
        migrations.CreateModel(
            name="GuidanceApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "guidance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="approval", to="annotations.guidance"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GuidanceInjection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "prompt_sha256",
                    models.CharField(help_text="Of the asking prompt; its text is not kept here.", max_length=64),
                ),
                ("similarity", models.FloatField(help_text="Cosine of the asking prompt and the trigger.")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "guidance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="injections",
                        to="annotations.guidance",
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="labelhub.project")),
            ],
        ),
        migrations.CreateModel(
            name="GuidanceRetirement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "guidance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="retirement",
                        to="annotations.guidance",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="guidance",
            constraint=models.CheckConstraint(
                condition=models.Q(("reach__range", (0.5, 1))), name="guidance_reach_is_a_cosine"
            ),
        ),
        migrations.AddIndex(
            model_name="guidanceinjection",
            index=models.Index(fields=["guidance", "at"], name="guidance_injected"),
        ),
        migrations.RunSQL(FOUR_EYES, NO_FOUR_EYES),
    ]
