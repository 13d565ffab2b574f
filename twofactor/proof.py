"""Who acts here? A fresh proof before sensitive acts: the password, and a code where one is set up.

Signing in is a proof; 15 minutes later the next sensitive act asks again. Views are marked with
accounts.access.needs_proof; ProofMiddleware, which must come after LoginRequiredMiddleware, asks. Then
the act goes on with what was typed into its form before.
"""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import check_password
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.audit.trail import origin, record
from accounts.durations import duration
from accounts.forms import PasswordField
from accounts.http import SignedInRequest, is_ours
from accounts.limits import password_limits
from accounts.models import Action
from accounts.passwords import is_right
from accounts.plain_form import PlainForm
from accounts.session_store import ours
from twofactor import carried, codes
from twofactor.forms import AnyCodeField, refuse

SESSION_KEY = "proof"
METHOD_FIELD = "proof_for"
BACK_FIELD = "proof_back"
LIFETIME = 15 * 60


def remember(session: SessionBase, *, with_code: bool) -> None:
    session[SESSION_KEY] = {"at": time.time(), "code": with_code}
    if with_code:
        ours(session).note_code()


def note_code(session: SessionBase) -> None:
    """The password stays as long ago as it was."""
    if state := session.get(SESSION_KEY):
        session[SESSION_KEY] = {**state, "code": True}
    ours(session).note_code()


def is_fresh(request: SignedInRequest) -> bool:
    """Within the last 15 minutes, and as strongly as it can be proved now."""
    state = request.session.get(SESSION_KEY)
    if state is None or not clock.is_within(state["at"], LIFETIME):
        return False
    # Also while the policy asks for no code: the password alone would replace what counts again tomorrow, or
    # add an administrator who does.
    return state["code"] or not request.user.is_enrolled


def check_own_password(request: SignedInRequest, password: str) -> None:
    """Check the password of whoever is signed in; a try counts like one at sign-in.

    The stored hash is left alone: a renewed one would end this session halfway. Raises ValidationError.
    """
    user = request.user
    tries = password_limits.admit(request, user.email)
    if tries.wait:
        text = gettext("Too many wrong passwords. Try again in %(wait)s.") % {"wait": duration(tries.wait)}
    elif is_right(password, lambda each: check_password(each, user.password)):
        tries.forgive()
        return
    else:
        record(Action.PROOF_FAILED, by=origin(request), subject=user)
        text = gettext("That is not your password. Try again.")
    raise ValidationError(text, code="wrong")


class ProofForm(PlainForm):
    """The password, and a code wherever an authenticator is set up, whether or not sign-in asks for one."""

    autofocus = "proof_password"

    proof_password = PasswordField(label=_("Password"), autocomplete="current-password")
    proof_code = AnyCodeField()

    def __init__(self, data: QueryDict | None, *, request: SignedInRequest) -> None:
        super().__init__(data)
        self.request = request
        if not request.user.is_enrolled:
            del self.fields["proof_code"]

    def clean(self) -> dict[str, Any]:
        """A code is not spent beside a wrong password."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and self._password_is_right() and "proof_code" in cleaned:
            refusal = codes.check_any(self.request.user, cleaned["proof_code"], origin(self.request))
            if refusal:
                refuse(self, refusal, "proof_code")
        return cleaned

    def _password_is_right(self) -> bool:
        try:
            check_own_password(self.request, self.cleaned_data["proof_password"])
        except ValidationError as error:
            self.add_error("proof_password", error)
            return False
        return True


class ProofMiddleware:
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
        if not is_marked(request, view, kwargs):
            return None
        if request.method == "POST" and METHOD_FIELD in request.POST:
            back = _came_from(request)
            answer = _answer(request)
            return answer or (_lead_back(request, back) if _is_download(request) else None)
        asks = carried.method(request, METHOD_FIELD) in view.needs_proof  # type: ignore[attr-defined]
        return _ask(request, _form(request)) if asks and not is_fresh(request) else None


def is_marked(request: SignedInRequest, view: Callable[..., HttpResponse], kwargs: dict[str, Any]) -> bool:
    asks_itself = getattr(view, "needs_proof_unless_self", False) and kwargs.get("pk") == request.user.pk
    return hasattr(view, "needs_proof") and not asks_itself and request.user.is_authenticated


def _is_download(request: SignedInRequest) -> bool:
    return getattr(request.resolver_match and request.resolver_match.func, "leads_back_after_proof", False)


def _lead_back(request: SignedInRequest, back: str) -> HttpResponse:
    text = gettext("It is you. Choose the file again: for 15 minutes you are not asked.")
    messages.success(request, text)
    return redirect(back)


def _answer(request: SignedInRequest) -> HttpResponse | None:
    """None lets the view go on as if this page had not been."""
    form = _form(request, request.POST)
    if not is_fresh(request):
        if not form.is_valid():
            return _ask(request, form)
        remember(request.session, with_code="proof_code" in form.fields)
        # OWASP ASVS 5.0, 7.2.4: a key that somebody has noted down before does not become a stronger one.
        request.session.cycle_key()
        record(Action.PROVED, by=origin(request), subject=request.user)
    carried.hand_on(request, METHOD_FIELD)
    return None


def _form(request: SignedInRequest, data: QueryDict | None = None) -> ProofForm:
    return ProofForm(data, request=request)


def _ask(request: SignedInRequest, form: ProofForm) -> HttpResponse:
    context = {
        "form": form,
        "kept": carried.kept(request),
        "method": carried.method(request, METHOD_FIELD),
        "back": _came_from(request),
        "is_download": _is_download(request),
    }
    return render(request, "twofactor/proof.html", context)


def _came_from(request: SignedInRequest) -> str:
    target = request.POST.get(BACK_FIELD) or request.headers.get("Referer", "")
    leads_back = is_ours(request, target) and not _asks_again(request, target)
    return target if leads_back else resolve_url(settings.LOGIN_REDIRECT_URL)


def _asks_again(request: SignedInRequest, target: str) -> bool:
    here = request.build_absolute_uri(request.path)
    view = request.resolver_match and request.resolver_match.func
    return "GET" in getattr(view, "needs_proof", ()) and target.partition("?")[0] == here
