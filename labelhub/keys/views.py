"""A person's own keys. Nobody else makes them, for what a key does counts as done by its person."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labelhub.http import HtmxHttpRequest
from labelhub.keys.actions import revoke_key
from labelhub.keys.forms import OwnKeyForm, RevokeForm
from labelhub.keys.models import ApiKey


@require_http_methods(["GET", "POST"])
@login_required
def my_keys(request: HtmxHttpRequest) -> HttpResponse:
    form = OwnKeyForm(request.user, request.POST or None)
    made = form.make() if request.method == "POST" and form.is_valid() else ""
    keys = ApiKey.objects.of(request.user).usable().select_related("project").order_by("-pk")
    status = 201 if made else 422 if form.errors else 200
    return render(request, "keys.html", {"form": form, "made": made, "keys": keys}, status=status)


@require_POST
@login_required
def revoked_keys(request: HtmxHttpRequest) -> HttpResponse:
    form = RevokeForm(request.user, request.POST)
    if form.is_valid():
        revoke_key(form.cleaned_data["key"], by=request.user)
        messages.success(request, "Revoked.")
    return redirect("my_keys")
