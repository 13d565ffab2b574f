"""Who may see the administrators' pages?"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from accounts.http import SignedInRequest

Parameters = ParamSpec("Parameters")


def administrators_only(
    view: Callable[Concatenate[SignedInRequest, Parameters], HttpResponseBase],
) -> Callable[Concatenate[SignedInRequest, Parameters], HttpResponseBase]:
    """Let only account administrators reach a view; everybody else who is signed in gets 403."""

    @wraps(view)
    def guarded(
        request: SignedInRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> HttpResponseBase:
        if not request.user.is_administrator:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
