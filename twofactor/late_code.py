"""After a rise of the policy: a session that was opened without a code is asked for it at its next request.

A policy is read at sign-in. Where it has risen since, because of the account, an override, or one that has
ended, whoever has an authenticator and gave no code in this session is asked for one before anything else.
Then what was asked for goes on. Who has none goes on until the next sign-in.

LateCodeMiddleware must come before ProofMiddleware.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from accounts.audit.trail import origin, record
from accounts.http import SignedInRequest
from accounts.models import Action
from accounts.plain_form import PlainForm
from accounts.session_store import ours
from twofactor import carried, codes, enrollment, pending, proof
from twofactor.forms import AnyCodeField, refuse
from twofactor.made_by import code_is_missing

METHOD_FIELD = carried.FIELD_PREFIX + "late_for"
POPUP = "popup-content"


class LateCodeForm(PlainForm):
    autofocus = "proof_code"

    proof_code = AnyCodeField()


class LateCodeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self,
        request: SignedInRequest,
        view: Callable[..., HttpResponse],
        _args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        # Pages open to strangers show nothing of the session, and Log out is among them. To all others
        # LoginRequiredMiddleware lets nobody who is not signed in.
        if not getattr(view, "login_required", True):
            return None
        answered = request.method == "POST" and METHOD_FIELD in request.POST
        if is_missing(request) and not _proof_asks(request, view, kwargs):
            refused = _answer(request) if answered else _ask(request, LateCodeForm())
            if refused is not None:
                return refused
        if answered:
            carried.hand_on(request, METHOD_FIELD)
        return None


def is_missing(request: SignedInRequest) -> bool:
    """Costs no query."""
    user, session = request.user, ours(request.session)
    return code_is_missing(
        session.made_by,
        user.effective,
        code_given=session.code_given,
        enrolled=user.is_enrolled,
    )


def _proof_asks(request: SignedInRequest, view: Callable[..., HttpResponse], kwargs: dict[str, Any]) -> bool:
    """A proof asks for password and code, so that one question is enough."""
    marked = proof.is_marked(request, view, kwargs)
    return marked and carried.method(request, METHOD_FIELD) in view.needs_proof  # type: ignore[attr-defined]


def _answer(request: SignedInRequest) -> HttpResponse | None:
    form = LateCodeForm(request.POST)
    if not form.is_valid():
        return _ask(request, form)
    enrollment.check_readable(request.user)  # a try that could not be looked at must not count
    # No password is asked for here: a stolen session must not be worth more tries than a waiting sign-in.
    if not pending.admit_code(request):
        return _log_out(request)
    refusal = codes.check_any(request.user, form.cleaned_data["proof_code"], origin(request))
    if refusal:
        refuse(form, refusal, "proof_code")
        if not refusal.counts:
            pending.take_back_code(request)
        return _ask(request, form) if pending.codes_left(request) else _log_out(request)
    proof.note_code(request.session)
    # OWASP ASVS 5.0, 7.2.4: a key that somebody has noted down before does not become a stronger one.
    request.session.cycle_key()
    record(Action.PROVED, by=origin(request), subject=request.user)
    return None


def _ask(request: SignedInRequest, form: LateCodeForm) -> HttpResponse:
    # A part of a page has no room for a question: the whole page is asked for again, and shows it.
    if request.htmx and request.htmx.target != POPUP:  # type: ignore[attr-defined]
        return HttpResponseClientRefresh()
    method = carried.method(request, METHOD_FIELD)
    context = {"form": form, "kept": carried.kept(request), "method": method, "method_field": METHOD_FIELD}
    return render(request, "twofactor/late_code.html", context)


def _log_out(request: SignedInRequest) -> HttpResponse:
    """A session that has ended, or has a new key, is left alone."""
    if pending.codes_left(request) is None:
        messages.warning(request, pending.GONE_ON)
        return redirect(settings.LOGIN_URL)
    record(Action.SESSION_ENDED, by=origin(request), subject=request.user)
    logout(request)
    messages.warning(request, _("Those were too many wrong codes. Log in again."))
    return redirect(settings.LOGIN_URL)
