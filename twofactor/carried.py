"""A question stands before a page: what was typed is kept in it, and goes on once it is answered."""

from typing import Any

from django.http import QueryDict

from accounts.http import SignedInRequest

# Whatever the question itself asks, and the field in which it notes the method of the page behind it.
FIELD_PREFIX = "proof_"


def kept(request: SignedInRequest) -> list[tuple[str, str]]:
    """Return the fields to keep in the question.

    Passwords are not written into pages; their forms ask for them again.
    """
    own = _without_the_question(request.POST).lists()
    return [(name, value) for name, values in own for value in values if "password" not in name]


def method(request: SignedInRequest, field: str) -> str:
    """Return the method with which the page behind the question was asked for."""
    if request.method == "POST" and field in request.POST:
        return "GET" if request.POST[field] == "GET" else "POST"
    return "POST" if request.method == "POST" else "GET"


def hand_on(request: SignedInRequest, field: str) -> None:
    """Turn an answered question into the request that it stood before."""
    if method(request, field) == "GET":
        request.method, request.POST = "GET", QueryDict()
    else:
        own: Any = _without_the_question(request.POST)  # mutable, other than what a browser sends
        request.POST = own


def _without_the_question(data: QueryDict) -> QueryDict:
    """Return what belongs to the form behind the page."""
    own = data.copy()
    for name in data:
        if name.startswith(FIELD_PREFIX) or name == "csrfmiddlewaretoken":
            del own[name]
    return own
