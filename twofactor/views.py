"""The code step of a sign-in, recovery codes, and a new phone."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import sent_twice
from accounts.access import needs_proof, needs_proof_to_post
from accounts.audit.trail import origin, record
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.masking import mask
from accounts.models import Action
from twofactor import carried, codes, enrollment, fresh_codes, pending, proof, recovery, trusted
from twofactor.forms import CodeForm, EnrollmentForm, RecoveryCodeForm, SavedForm, refuse
from twofactor.made_by import MadeBy

# Where a sign-in goes on after it was said that recovery codes are missing.
REMINDER_KEY = "after_recovery_reminder"


@login_not_required
@sent_twice.claims_by_itself
@sensitive_post_parameters("code")
@require_get_or_post
def verify(request: HttpRequest) -> HttpResponse:
    return _code_step(request, CodeForm(data_of(request)), "twofactor/verify.html", MadeBy.CODE)


@login_not_required
@sent_twice.claims_by_itself
@sensitive_post_parameters("code")
@require_get_or_post
def recover(request: HttpRequest) -> HttpResponse:
    form = RecoveryCodeForm(data_of(request))
    return _code_step(request, form, "twofactor/recover.html", MadeBy.RECOVERY_CODE)


def _code_step(request: HttpRequest, form: forms.Form, template: str, made_by: MadeBy) -> HttpResponse:
    waiting = pending.current(request, pending.Step.CODE)
    # The policy is read again here: it may have become Disabled, or the authenticator may have gone.
    if waiting is None or not waiting.user.is_enrolled or not waiting.user.effective.usable:
        return _nobody_waits(request)
    form.fields["code"].widget.attrs["autofocus"] = True
    trusted.offer_in(form, waiting.user)
    if form.is_valid():
        enrollment.check_readable(waiting.user)  # a try that could not be looked at must not count
        if not pending.admit_code(request):
            return sent_twice.first_answer(request) or _no_code_left(request)
        if _is_accepted(request, form, waiting):
            return _signed_in(request, waiting, made_by, trust=form.cleaned_data.get(trusted.FIELD, False))
        if not pending.codes_left(request):
            return _no_code_left(request)
    context = {
        "form": form,
        "issuer": settings.TWO_FACTOR_ISSUER,
        "operator": waiting.user,
        "address": mask(waiting.user.email),
        "next": waiting.next_url,
    }
    return render(request, template, context)


def _is_accepted(request: HttpRequest, form: forms.Form, waiting: pending.Pending) -> bool:
    """A code that does not count as wrong leaves the tries as they were."""
    refusal = codes.check_any(waiting.user, form.cleaned_data["code"], origin(request, waiting.user))
    if refusal is None:
        return True
    refuse(form, refusal)
    if not refusal.counts:
        pending.take_back_code(request)
    return False


def _nobody_waits(request: HttpRequest) -> HttpResponse:
    """Who has signed in already came by another tab, or the back button."""
    if request.user.is_authenticated:
        return redirect(pending.next_url(request) or request.user.landing_url())
    messages.warning(request, _("Log in again to go on."))
    return pending.to_login(request)


def _no_code_left(request: HttpRequest) -> HttpResponse:
    """A sign-in that has gone on elsewhere is left alone."""
    again = pending.to_login(request)
    if pending.codes_left(request) is None:
        messages.warning(request, pending.GONE_ON)
    else:
        pending.end(request)
        messages.warning(request, _("Those were too many wrong codes. Log in again."))
    return again


def _signed_in(
    request: HttpRequest, waiting: pending.Pending, made_by: MadeBy, *, trust: bool
) -> HttpResponse:
    user = waiting.user
    pending.sign_in(request, user, made_by, with_code=True)
    target = waiting.next_url or user.landing_url()
    response = redirect(target)
    if not user.authenticator.recovery_saved_at or codes.few_left(user):
        request.session[REMINDER_KEY] = target
        response = redirect("twofactor:recovery-reminder")
    if trust:
        trusted.remember(request, response, user)
    return response


# Recovery codes


@require_safe
def recovery_reminder(request: SignedInRequest) -> HttpResponse:
    if not request.user.is_enrolled:
        return redirect(request.user.landing_url())
    context = {
        "left": request.user.authenticator.recovery_codes_left,
        "saved": request.user.authenticator.recovery_saved_at,
        "target": request.session.get(REMINDER_KEY) or request.user.landing_url(),
    }
    return render(request, "twofactor/recovery_reminder.html", context)


@require_get_or_post
def recovery_codes(request: SignedInRequest) -> HttpResponse:
    if not request.user.is_enrolled:
        messages.info(request, _("Recovery codes come with two-factor authentication. Set it up first."))
        return redirect(request.user)
    fresh = fresh_codes.current(request.session, request.user)
    form = SavedForm(data_of(request))
    if form.is_valid():
        target = fresh_codes.saved(request.session, request.user) if fresh else ""
        return redirect(target or request.session.pop(REMINDER_KEY, "") or request.user.landing_url())
    context = {
        "form": form,
        "codes": fresh,
        "lost": fresh_codes.are_lost(request.session, request.user),
        "left": request.user.authenticator.recovery_codes_left,
        "back": request.user.get_absolute_url(),
    }
    return render(request, "twofactor/recovery_codes.html", context)


@needs_proof_to_post
@require_POST
def renew_recovery_codes(request: SignedInRequest) -> HttpResponse:
    if request.user.is_enrolled and fresh_codes.renew(request.session, request.user, origin(request)):
        update_session_auth_hash(request, request.user)
        messages.success(request, _("You have new recovery codes. Everywhere else you are logged out."))
        return redirect("twofactor:recovery-codes")
    messages.error(
        request,
        _("Nothing changed: your authenticator or its codes were renewed in the meantime. Look again."),
    )
    return redirect(request.user)


@require_POST
def download_recovery_codes(request: SignedInRequest) -> HttpResponse:
    """By POST, so that no link that somebody else made begins a download."""
    fresh = fresh_codes.current(request.session, request.user)
    if not fresh:
        return redirect("twofactor:recovery-codes")
    title = _("Recovery codes of %(email)s for %(product)s. Each works once.")
    words = {"email": request.user.email, "product": settings.TWO_FACTOR_ISSUER}
    text = "\r\n".join([title % words, "", *fresh, ""])
    headers = {"Content-Disposition": 'attachment; filename="recovery-codes.txt"'}
    record(Action.RECOVERY_CODES_DOWNLOADED, by=origin(request), subject=request.user)
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


# A new phone


@needs_proof
@sensitive_post_parameters("code")
@require_get_or_post
def new_phone(request: SignedInRequest) -> HttpResponse:
    """The old phone's codes stay right until the new one's first is typed."""
    user = request.user
    if not user.is_enrolled:
        return redirect(user)
    form = EnrollmentForm(data_of(request))
    if form.is_valid():
        try:
            confirmed = enrollment.confirm(
                request.session, user, form.cleaned_data["code"], carried.typed_at(request)
            )
        except enrollment.WrongCodeError as error:
            form.refuse(error)
        else:
            return _replace_phone(request, confirmed)
    context = {
        "form": form,
        "enrollment": enrollment.offer(request.session, user),
        "operator": user,
    }
    return render(request, "twofactor/new_phone.html", context)


def _replace_phone(request: SignedInRequest, confirmed: enrollment.Confirmed) -> HttpResponse:
    user, by = request.user, origin(request)
    new_codes = recovery.generate()
    if not enrollment.replace(user, confirmed, by, new_codes):
        messages.error(
            request, _("Nothing changed: your authenticator was reset or replaced in the meantime.")
        )
        return redirect(user)
    show_new_codes(request, new_codes, user.get_absolute_url())
    messages.success(request, _("Your new phone makes the codes now. The old one's do not work any more."))
    return redirect("twofactor:recovery-codes")


def show_new_codes(request: SignedInRequest, new_codes: list[str], next_url: str) -> None:
    update_session_auth_hash(request, request.user)
    proof.remember(request.session, with_code=True)
    fresh_codes.keep(request.session, request.user, new_codes, next_url)
