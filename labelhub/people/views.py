"""A person's own page: name, zone, theme, keys."""

import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labelhub.http import HtmxHttpRequest
from labelhub.people.models import User


class PersonForm(forms.ModelForm):
    time_zone = forms.ChoiceField(choices=[(name, name) for name in sorted(zoneinfo.available_timezones())])
    single_keys = forms.BooleanField(required=False, label="Single keys (A, E, 1 …) act outside text fields")

    class Meta:
        model = User
        fields = ("name", "time_zone", "theme")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["single_keys"].initial = not self.instance.key_map.get("off")

    def save(self, commit: bool = True) -> User:
        self.instance.key_map = {**self.instance.key_map, "off": not self.cleaned_data["single_keys"]}
        return super().save(commit)


@require_http_methods(["GET", "POST"])
@login_required
def me(request: HtmxHttpRequest) -> HttpResponse:
    form = PersonForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("me")
    return render(request, "home/me.html", {"form": form}, status=422 if form.errors else 200)
