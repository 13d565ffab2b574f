"""Who may see the administrators' pages, and which acts ask for a fresh proof of who is there?"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from accounts.http import SignedInRequest

Parameters = ParamSpec("Parameters")


ViewType = TypeVar("ViewType", bound=Callable[..., HttpResponseBase])


def needs_proof(view: ViewType) -> ViewType:
    """For a view that is opened only with a fresh proof; twofactor.proof asks for it."""
    view.needs_proof = ("GET", "POST")  # type: ignore[attr-defined]
    return view


def needs_proof_for_others(view: ViewType) -> ViewType:
    """Where somebody acts on themselves it does no harm, or the view asks by itself."""
    view.needs_proof_unless_self = True  # type: ignore[attr-defined]
    return needs_proof(view)


def needs_proof_to_post(view: ViewType) -> ViewType:
    """For a view that whoever is let in may look at, but whose form takes a fresh proof."""
    view.needs_proof = ("POST",)  # type: ignore[attr-defined]
    return view


def needs_proof_to_download(view: ViewType) -> ViewType:
    """A browser that takes a file stays on its page: a proof leads back there, or would seem to fail."""
    view.leads_back_after_proof = True  # type: ignore[attr-defined]
    return needs_proof_to_post(view)


def administrators_only(
    view: Callable[Concatenate[SignedInRequest, Parameters], HttpResponseBase],
) -> Callable[Concatenate[SignedInRequest, Parameters], HttpResponseBase]:
    @wraps(view)
    def guarded(
        request: SignedInRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> HttpResponseBase:
        if not request.user.is_administrator:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
