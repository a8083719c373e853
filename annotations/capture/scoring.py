"""A score and a metric as they are sent in: their fields, and the names that LabelHub gives itself."""

from typing import Any

from annotations.capture.fields import Field, choice, number, text
from annotations.capture.models import Metric

JUDGE, GROUNDEDNESS = "judge", "groundedness"
RECEPTION, EXPERT, CONFIDENCE, LOGPROB = DERIVED = ("reception", "expert", "confidence", "log-probability")
GREATEST, MOST_RUBRIC = 1e9, 8_000  # of a number; characters of a description


def _whole_number(value: Any) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return "" if whole else "the number of the newest version that you have read, 0 for a new metric"


SCORE: dict[str, Field] = {
    "interaction": text(255, required=True, description="external_id of the interaction; it must be there."),
    "metric": text(60, required=True, description="Name of a metric: the score is one of its newest version."),
    "value": number(-GREATEST, GREATEST, "Of a metric that is a number."),
    "label": text(80, description="Of a metric that is a class."),
    "note": text(1_000, description="What it rests on."),
}
METRIC: dict[str, Field] = {
    "name": text(60, required=True),
    "source": choice(Metric.Source.values, required=True),
    "kind": choice(Metric.Kind.values),
    "description": text(
        MOST_RUBRIC, required=True, description="What it measures; of the judge the rubric that it is given."
    ),
    "threshold": number(-GREATEST, GREATEST, "A number below it counts as low."),
    "share": number(0, 1, "Of the judge: the answers that it is asked about."),
    "after": Field({"type": "integer", "minimum": 0}, _whole_number, required=True),
}
