from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.math
from django.conf import settings
from django.db import migrations, models

FOUR_EYES = """
CREATE FUNCTION annotations_first_approver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'first_approval_stays: an approval is an act and keeps who, what and when'
            USING ERRCODE = '23514';
    END IF;
    IF EXISTS (SELECT 1 FROM annotations_label l WHERE l.id = NEW.label_id AND l.author_id = NEW.by_id) THEN
        RAISE EXCEPTION 'author_is_not_approver: the author of a label cannot approve it' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER first_approver BEFORE INSERT OR UPDATE ON annotations_firstapproval
    FOR EACH ROW EXECUTE FUNCTION annotations_first_approver();

CREATE FUNCTION annotations_approved_by_as_many() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM annotations_firstapproval f WHERE f.label_id = NEW.label_id AND f.by_id = NEW.by_id) THEN
        RAISE EXCEPTION 'two_people_approve: whoever approved first does not approve again' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (SELECT 1 FROM annotations_overruling o WHERE o.label_id = NEW.label_id) THEN
        RAISE EXCEPTION 'overruled_is_no_truth: an adjudication decided against this label' USING ERRCODE = '23514';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM annotations_firstapproval f WHERE f.label_id = NEW.label_id) AND EXISTS (
        SELECT 1 FROM annotations_label l JOIN annotations_reviewtask t ON t.id = l.task_id
            JOIN annotations_queue q ON q.id = t.queue_id
        WHERE l.id = NEW.label_id AND (q.approve_twice = 'every' OR q.approve_twice = 'sensitive' AND t.sensitive)
    ) THEN
        RAISE EXCEPTION 'two_people_approve: this label needs the approval of two people' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approved_by_as_many BEFORE INSERT ON annotations_approval
    FOR EACH ROW EXECUTE FUNCTION annotations_approved_by_as_many();

CREATE FUNCTION annotations_overruled_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM annotations_adjudication a JOIN annotations_label l ON l.id = NEW.label_id
               WHERE a.id = NEW.adjudication_id AND (a.by_id = l.author_id OR a.task_id <> l.task_id)) THEN
        RAISE EXCEPTION 'party_is_no_judge: who judged a task does not adjudicate it' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER overruled_by_another BEFORE INSERT OR UPDATE ON annotations_overruling
    FOR EACH ROW EXECUTE FUNCTION annotations_overruled_by_another();
"""
NO_FOUR_EYES = """
DROP TRIGGER first_approver ON annotations_firstapproval;
DROP FUNCTION annotations_first_approver();
DROP TRIGGER approved_by_as_many ON annotations_approval;
DROP FUNCTION annotations_approved_by_as_many();
DROP TRIGGER overruled_by_another ON annotations_overruling;
DROP FUNCTION annotations_overruled_by_another();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0020_product_issues"),
        ("labelhub", "0006_notices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Adjudication",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="FirstApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "ground",
                    models.CharField(
                        choices=[
                            ("checked", "checked against a source"),
                            ("guidelines", "as the guidelines say"),
                            ("permitted", "nothing in it may not be said"),
                            ("known", "known from one's own work"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="Overruling",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
        ),
        migrations.AddField(
            model_name="approval",
            name="ground",
            field=models.CharField(
                blank=True,
                choices=[
                    ("checked", "checked against a source"),
                    ("guidelines", "as the guidelines say"),
                    ("permitted", "nothing in it may not be said"),
                    ("known", "known from one's own work"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="lot",
            field=models.FloatField(
                db_default=django.db.models.functions.math.Random(),
                help_text="0 to 1: where only a share is approved, that below it.",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="approve_twice",
            field=models.CharField(
                choices=[
                    ("never", "one approval is enough"),
                    ("sensitive", "two, for what was routed as sensitive"),
                    ("every", "two, for every label"),
                ],
                default="never",
                help_text="How many people approve, each on a ground.",
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="approve_which",
            field=models.CharField(
                choices=[
                    ("every", "every label"),
                    ("share", "a share of the labels, drawn by lot"),
                    ("disagreement", "only where people disagree"),
                ],
                default="every",
                help_text="What is put before a second person. The rest counts in figures and is not taught.",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="approve_share",
            field=models.FloatField(default=0.1, help_text="Of a share: how large it is, 0 to 1."),
        ),
        migrations.AddField(
            model_name="queue",
            name="threads_block",
            field=models.BooleanField(
                default=False, help_text="A comment that somebody answered is settled before its label is approved."
            ),
        ),
        migrations.AddField(
            model_name="reviewtask",
            name="sensitive",
            field=models.BooleanField(default=False, help_text="A flag on sensitive content led to it."),
        ),
        migrations.AddConstraint(
            model_name="queue",
            constraint=models.CheckConstraint(
                condition=models.Q(("approve_share__range", (0, 1))), name="queue_share_is_a_share"
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="label",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="adjudication", to="annotations.label"
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="task",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="adjudications", to="annotations.reviewtask"
            ),
        ),
        migrations.AddField(
            model_name="firstapproval",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="firstapproval",
            name="label",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="first_approval", to="annotations.label"
            ),
        ),
        migrations.AddField(
            model_name="overruling",
            name="adjudication",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="overruled", to="annotations.adjudication"
            ),
        ),
        migrations.AddField(
            model_name="overruling",
            name="label",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="overruling", to="annotations.label"
            ),
        ),
        migrations.RunSQL(FOUR_EYES, NO_FOUR_EYES),
    ]
