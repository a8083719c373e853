"""What is typed on the launch page."""

from typing import Any

from django import forms

from labelhub.body import stored_text
from training.datasets.actions import Wanted
from training.lm.recipes import NAMED

DEFAULTS = Wanted()


class FreezeForm(forms.Form):
    """How much of what goes into a snapshot."""

    good_rows = forms.IntegerField(
        min_value=0, max_value=100_000, initial=DEFAULTS.good_rows, label="Good answers",
        help_text="Approved as they are; drawn at random up to this number. The others stay unseen, to test with.",
    )  # fmt: skip
    rehearsal_per_correction = forms.IntegerField(
        min_value=0, max_value=100, initial=DEFAULTS.rehearsal_per_correction, label="Rehearsal per correction",
        help_text="Unflagged answers of the live version to neighbouring questions, so that those are not forgotten.",
    )  # fmt: skip


class StoredText(forms.CharField):
    """Text as it is stored, as the API does it; its length is counted like that too."""

    def to_python(self, value: Any) -> str:
        return stored_text(super().to_python(value) or "")[0]


class LaunchForm(forms.Form):
    recipe = forms.ChoiceField(choices=[(name, name.capitalize()) for name in NAMED], initial="balanced")
    reason = StoredText(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text="Why now? It is kept.")
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)
    snapshot = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)


class RetireForm(forms.Form):
    reason = StoredText(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text="It stays with the case.")
