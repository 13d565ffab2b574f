"""A question stands before a page: what was typed is kept in it, and goes on once it is answered."""

import re
import time
from typing import Any

from django.http import QueryDict

from accounts.http import SignedInRequest

# Whatever the question itself asks, and the field in which it notes the method of the page behind it.
FIELD_PREFIX = "proof_"
# When the form behind the question was sent: a code in it may be an old one by the time of the answer.
SINCE_FIELD = "proof_since"


def kept(request: SignedInRequest) -> list[tuple[str, str]]:
    """Passwords are left out: they are not written into pages, and their forms ask for them again."""
    own = _without_the_question(request.POST).lists()
    typed = [(name, value) for name, values in own for value in values if "password" not in name]
    return [*typed, (SINCE_FIELD, str(int(_since(request))))]


def typed_at(request: SignedInRequest) -> float:
    """Seconds since 1970; good for words only, as a browser may claim any moment."""
    return getattr(request, "typed_at", time.time())


def _since(request: SignedInRequest) -> float:
    kept_since = request.POST.get(SINCE_FIELD, "")
    now = time.time()
    return min(int(kept_since), now) if re.fullmatch(r"[0-9]{1,12}", kept_since) else now


def method(request: SignedInRequest, field: str) -> str:
    if request.method == "POST" and field in request.POST:
        return "GET" if request.POST[field] == "GET" else "POST"
    return "POST" if request.method == "POST" else "GET"


def hand_on(request: SignedInRequest, field: str) -> None:
    """Turn an answered question into the request that it stood before."""
    request.typed_at = _since(request)  # type: ignore[attr-defined]
    if method(request, field) == "GET":
        request.method, request.POST = "GET", QueryDict()
    else:
        own: Any = _without_the_question(request.POST)  # mutable, other than what a browser sends
        request.POST = own


def _without_the_question(data: QueryDict) -> QueryDict:
    own = data.copy()
    for name in data:
        if name.startswith(FIELD_PREFIX) or name == "csrfmiddlewaretoken":
            del own[name]
    return own
