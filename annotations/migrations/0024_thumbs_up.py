from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("annotations", "0023_corrections_and_merges"),
    ]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="rule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("thumb_down", "the end user gave a thumb down"),
                    ("low_rating", "the end user rated it low"),
                    ("asked_again", "the end user asked again or regenerated"),
                    ("abandoned", "the end user left"),
                    ("suggested", "the end user wrote a better answer"),
                    ("named_fault", "the end user named a fault"),
                    ("copied", "the end user copied or praised it"),
                    ("rated_best", "the end user rated it best"),
                    ("thumb_up", "the end user gave a thumb up"),
                    ("low_confidence", "the model was unsure"),
                    ("low_logprob", "the model found its own words unlikely"),
                    ("personal_data", "personal data in question or answer"),
                    ("instructions", "words that read like an order to the model"),
                    ("words", "a word of a list in question or answer"),
                    ("unsupported", "a number that no retrieved document has"),
                    ("audit", "drawn at random"),
                    ("rephrased", "the end user asked the same in other words"),
                    ("near_problem", "near a question that was answered wrong before"),
                    ("far_from_gold", "far from the approved answer to the same question"),
                    ("new_language", "a language that is new here"),
                    ("new_region", "a question unlike those before"),
                    ("judged", "the judge model rated it low"),
                ],
                max_length=20,
            ),
        ),
    ]
