"""What views ask of a request: its type, what a form was sent with, whether an address is ours."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

if TYPE_CHECKING:
    from django.contrib.auth.models import _User  # what AUTH_USER_MODEL names

# As browsers and servers take them; whatever takes a longer one apart has much to do.
LONGEST_ADDRESS = 2048
LONGEST_QUERY = 2000


class SignedInRequest(HttpRequest):
    """What LoginRequiredMiddleware lets through: the user is never anonymous."""

    user: "_User"


# For a view that shows a form and takes it.
require_get_or_post = require_http_methods(["GET", "HEAD", "POST"])

ViewType = TypeVar("ViewType", bound=Callable[..., HttpResponseBase])


def takes_a_table(view: ViewType) -> ViewType:
    """For views to which whoever is signed in may send more than fits into a form."""
    view.takes_a_table = True  # type: ignore[attr-defined]
    return view


def data_of(request: HttpRequest) -> QueryDict | None:
    """None where a form is only shown; an empty post is a post too."""
    return request.POST if request.method == "POST" else None


def typed_before(request: HttpRequest, *names: str) -> dict[str, str]:
    """What a form was sent with whose token was out of date; secrets are not to be asked for here."""
    sent: QueryDict | None = getattr(request, "out_of_date", None)
    return {name: str(sent[name])[:LONGEST_ADDRESS] for name in names if sent and name in sent}


def url_with_query(name: str, sent: str) -> str:
    """The filters that a form has carried lead back to its page; they are quoted anew, whatever was sent."""
    query = QueryDict(sent[:LONGEST_QUERY]).urlencode()
    return reverse(name) + (f"?{query}" if query else "")


def is_ours(request: HttpRequest, target: str) -> bool:
    """Only an address of this site is safe to lead to, as a browser may send any."""
    if len(target) > LONGEST_ADDRESS:
        return False
    return url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
