"""What one was told."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from labelhub.body import form_number
from labelhub.http import HtmxHttpRequest
from labelhub.notices.actions import read_all
from labelhub.notices.models import Notice

PAGE = 50


@require_GET
@login_required
def my_notices(request: HtmxHttpRequest) -> HttpResponse:
    """The newest; ?before=<id> pages on."""
    mine, before = Notice.objects.of(request.user), form_number(request.GET, "before")
    shown = list((mine.filter(pk__lt=before) if before else mine)[: PAGE + 1])
    context = {"notices": shown[:PAGE], "more": shown[PAGE - 1].pk if len(shown) > PAGE else None}
    return render(request, "home/notices.html", context)


@require_POST
@login_required
def read_notices(request: HtmxHttpRequest) -> HttpResponse:
    read_all(request.user, up_to=form_number(request.POST, "up_to"))
    return redirect("my_notices")
