"""Signing out: allauth and the admin end the session; what one holds is given back."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpResponseBase

from annotations.review.actions.claims import release_all
from labelhub.http import HtmxHttpRequest

SignOut = Callable[[HtmxHttpRequest], HttpResponseBase]


def gives_back(sign_out: SignOut) -> SignOut:
    """`sign_out`, after which others are served what the person held."""

    @wraps(sign_out)
    def respond(request: HtmxHttpRequest) -> HttpResponseBase:
        person, signed_in = request.user, request.user.is_authenticated
        response = sign_out(request)
        if signed_in and not request.user.is_authenticated:
            release_all(by=person)
        return response

    return respond
