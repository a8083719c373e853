"""A person's own page: name, zone, theme, keys."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labelhub.body import stored_text
from labelhub.errors import Invalid
from labelhub.http import HtmxHttpRequest
from labelhub.people import zones
from labelhub.people.actions import change_self, note_overreach, remap
from labelhub.people.key_map import KEYS, caps_of
from labelhub.people.models import User


class PersonForm(forms.Form):
    name = forms.CharField(max_length=120, required=False)
    time_zone = forms.ChoiceField(choices=zones.CHOICES)
    theme = forms.ChoiceField(choices=User.Theme)
    single_keys = forms.BooleanField(required=False, label="Single keys (A, E, 1 …) act outside text fields")


@require_http_methods(["GET", "POST"])
@login_required
def me(request: HtmxHttpRequest) -> HttpResponse:
    person = request.user
    now = {"name": person.name, "time_zone": person.time_zone, "theme": person.theme}
    form = PersonForm(request.POST or None, initial=now | {"single_keys": not person.key_map.get("off")})
    note_overreach(person, request.POST)
    if request.method == "POST" and form.is_valid():
        change_self(person, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("me")
    return render(request, "home/me.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def my_shortcuts(request: HtmxHttpRequest) -> HttpResponse:
    """One field a key; `reset` gives every key its own again."""
    if request.method == "GET":
        return shortcuts_page(request, {key.name: caps_of(key.name, request.user.key_map)[0] for key in KEYS}, {})
    wanted = {key.name: stored_text(request.POST.get(key.name, ""))[0][:10] for key in KEYS}
    try:
        remap(request.user, {} if "reset" in request.POST else wanted)
    except Invalid as refusal:
        return shortcuts_page(request, wanted, refusal.extra["fields"])
    messages.success(request, "Saved. The buttons show your keys from now on.")
    return redirect("my_shortcuts")


def shortcuts_page(request: HtmxHttpRequest, caps: dict[str, str], refused: dict[str, str]) -> HttpResponse:
    rows = [{"key": key, "cap": caps[key.name], "refused": refused.get(key.name, "")} for key in KEYS]
    return render(request, "home/shortcuts.html", {"rows": rows, "refused": refused}, status=422 if refused else 200)
