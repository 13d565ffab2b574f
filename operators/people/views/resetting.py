"""The popup that resets an operator's two-factor authentication."""

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.access import needs_proof_for_others
from accounts.audit.trail import Origin, origin
from accounts.days import announced_day
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.text import isolated
from invitations import setup_link
from operators import access
from operators.models import Operator
from operators.people import reset as journey
from operators.people.forms_reset import ResetForm
from twofactor.proof import ProofForm


@needs_proof_for_others
@sensitive_post_parameters("proof_password", "proof_code")
@require_get_or_post
def reset(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask for password and code every time for one's own, and for a reason for somebody else's."""
    operator = access.to_edit(request.user, pk)
    if not operator.is_enrolled:
        messages.info(
            request,
            _("Two-factor authentication is not set up for %(name)s.") % {"name": isolated(operator.name)},
        )
        return redirect(operator)
    is_self = operator.pk == request.user.pk
    form: forms.Form = (
        ProofForm(data_of(request), request=request)
        if is_self
        else ResetForm(data_of(request), operator=operator)
    )
    if form.is_valid():
        return _reset(request, operator, form)
    context = {
        "operator": operator,
        "is_self": is_self,
        "form": form,
        "required": operator.effective.required,
        "day": announced_day(operator.effective),
    }
    return render(request, "operators/people/reset.html", context)


def _reset(request: SignedInRequest, operator: Operator, form: forms.Form) -> HttpResponse:
    by = origin(request)
    reason = form.reason if isinstance(form, ResetForm) else ""
    try:
        mail = journey.reset(operator, by, reason)
    except journey.NotEnrolledError:
        messages.info(request, _("Somebody else has reset it already."))
        return redirect(operator)
    if operator.pk == request.user.pk:
        update_session_auth_hash(request, operator)
        text = _("Your two-factor authentication is reset.")
    else:
        text = _("Two-factor authentication of %(name)s is reset.") % {"name": isolated(operator.name)}
    messages.success(request, text)
    if mail.has_failed:
        messages.warning(
            request, _("The email about it to %(email)s could not be sent.") % {"email": operator.email}
        )
    if isinstance(form, ResetForm) and form.sends_link:
        _send_setup_link(request, operator, by)
    return redirect(operator)


def _send_setup_link(request: SignedInRequest, operator: Operator, by: Origin) -> None:
    wait = setup_link.send(operator, by)
    mail, _wait, _live = setup_link.last_email(operator)
    if mail and not mail.has_failed and not wait:
        text = _("A setup link is on its way to %(email)s. It works for one hour, with the password.")
        messages.success(request, text % {"email": operator.email})
    else:
        text = _("No setup link could be sent to %(email)s now. They get one at the next sign-in.")
        messages.warning(request, text % {"email": operator.email})
