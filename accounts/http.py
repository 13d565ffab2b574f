"""Types of requests, so that views need not ask whether somebody is signed in."""

from typing import TYPE_CHECKING

from django.http import HttpRequest, QueryDict

if TYPE_CHECKING:
    from operators.models import Operator


class SignedInRequest(HttpRequest):
    """What LoginRequiredMiddleware lets through: the user is never anonymous."""

    user: "Operator"


def data_of(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with, None where it is only shown; an empty post is a post too."""
    return request.POST if request.method == "POST" else None
