"""The code step of a sign-in."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.audit import origin, record
from accounts.http import data_of
from accounts.models import Action
from twofactor import pending, trusted
from twofactor.forms import CodeForm, refuse_code
from twofactor.throttle import WRONG_CODES_PER_SIGN_IN


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for the code of whoever has given the password in this browser; a right one signs them in."""
    waiting = pending.current(request, pending.Step.CODE)
    # The policy is read again here: it may have become Disabled, or the authenticator may have gone.
    if waiting is None or not waiting.user.is_enrolled or not waiting.user.effective.usable:
        return _start_again(request, _("Log in again to go on."))
    form = CodeForm(data_of(request))
    form.fields["code"].widget.attrs["autofocus"] = True
    trusted.offer_in(form, waiting.user)
    if form.is_valid():
        if not refuse_code(form, waiting.user.authenticator, timezone.now()):
            pending.sign_in(request, waiting.user, "password and code")
            response = redirect(waiting.next_url or waiting.user.landing_url())
            if form.cleaned_data.get(trusted.FIELD):
                trusted.remember(request, response, waiting.user)
            return response
        record(Action.CODE_FAILED, by=origin(request, waiting.user), subject=waiting.user)
        if pending.count_wrong_code(request) >= WRONG_CODES_PER_SIGN_IN:
            return _start_again(request, _("That were too many wrong codes. Log in again."))
    context = {"form": form, "issuer": settings.TWO_FACTOR_ISSUER, "operator": waiting.user}
    return render(request, "twofactor/verify.html", context)


def _start_again(request: HttpRequest, why: str) -> HttpResponse:
    """End the waiting sign-in and lead to its beginning, with a reason."""
    pending.end(request)
    messages.warning(request, why)
    return redirect("operators:login")
