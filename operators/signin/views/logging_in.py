"""Logging in and out."""

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import sent_twice
from accounts.audit.trail import origin, record
from accounts.http import SignedInRequest, is_ours, require_get_or_post, typed_before
from accounts.models import Action
from operators.signin import journey
from operators.signin.forms import LoginForm


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    return redirect(request.user.landing_url())


@login_not_required
@sensitive_post_parameters("password")
@require_get_or_post
def log_in(request: HttpRequest) -> HttpResponse:
    next_url = _safe_next(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(next_url or request.user.landing_url())
        # A redirect here names the page asked for; the start page does not count, as everybody begins there.
        interrupted = bool(next_url) and next_url != reverse("operators:home")
        form = LoginForm(initial=typed_before(request, "email"))
        context = {"form": form, "next": next_url, "interrupted": interrupted}
        return render(request, "operators/signin/login.html", context)
    form = LoginForm(request.POST)
    if form.is_valid() and (answer := _let_in(request, form, next_url)):
        return answer
    return render(request, "operators/signin/login.html", {"form": form, "next": next_url})


def _let_in(request: HttpRequest, form: LoginForm, next_url: str) -> HttpResponse | None:
    """Return where the login leads; None if it was refused, with the reason in the form."""
    try:
        operator = journey.check_password(request, form.cleaned_data["email"], form.cleaned_data["password"])
    except journey.TooManyTriesError as error:
        form.refuse_for(error.wait)
        return None
    except journey.SentBeforeError:
        answer = sent_twice.answer_to_login(request)
    else:
        target = journey.after_password(request, operator, next_url) if operator else None
        answer = redirect(target) if target else None
    if answer is None:
        form.refuse()
    return answer


@login_not_required
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        record(Action.SIGNED_OUT, by=origin(request), subject=request.user)
    logout(request)
    messages.success(request, _("You are logged out."))
    return redirect("operators:login")


def _safe_next(request: HttpRequest) -> str:
    """Return the page asked for if it is on this site, else "": no open redirect."""
    sent = typed_before(request, REDIRECT_FIELD_NAME) or request.POST
    target = sent.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    # Without a leading slash it would be taken for the name of a view.
    return target if target.startswith("/") and is_ours(request, target) else ""
