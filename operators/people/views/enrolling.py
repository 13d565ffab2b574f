"""The scan popup on the operator page."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.access import needs_proof
from accounts.audit.trail import Origin, origin
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.text import isolated
from operators import access, emails
from operators.models import Operator
from operators.status import next_sign_in
from twofactor import carried, enrollment, recovery
from twofactor.forms import EnrollmentForm
from twofactor.views import show_new_codes


@needs_proof
@sensitive_post_parameters("code")
@require_get_or_post
def scan(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_scan(request.user, pk)
    if reason := _reason_not_to_scan(operator, to_self=operator.pk == request.user.pk):
        messages.warning(request, reason)
        return redirect(operator)
    form = EnrollmentForm(data_of(request))
    if form.is_valid():
        try:
            return _enroll(request, operator, form.cleaned_data["code"])
        except enrollment.WrongCodeError as error:
            form.refuse(error)
        except enrollment.AlreadyEnrolledError:
            messages.warning(
                request, _already_enrolled_message(operator, to_self=operator.pk == request.user.pk)
            )
            return redirect(operator)
        except enrollment.SignInChangedError:
            text = _("Nothing changed: the sign-in of %(name)s was changed in the meantime. Look again.")
            messages.warning(request, text % {"name": operator.name})
            return redirect(operator)
    offer = enrollment.offer(request.session, operator)
    context = {"form": form, "enrollment": offer, "operator": operator}
    return render(request, "operators/people/scan.html", context)


def _reason_not_to_scan(operator: Operator, *, to_self: bool) -> str:
    if operator.is_enrolled:
        return _already_enrolled_message(operator, to_self=to_self)
    if operator.is_invited:
        return _("%(name)s sets up two-factor authentication while accepting the invitation.") % {
            "name": isolated(operator.name)
        }
    return next_sign_in.why_no_two_factor(operator, to_self=to_self)


def _already_enrolled_message(operator: Operator, *, to_self: bool) -> str:
    if to_self:
        return _(
            "Two-factor authentication is set up for you already, so nothing was changed. "
            "Choose “Use a new phone” to use another one."
        )
    return _(
        "Two-factor authentication is set up for %(name)s already, so nothing was changed. "
        "Reset it first to use another phone."
    ) % {"name": isolated(operator.name)}


def _enroll(request: SignedInRequest, operator: Operator, code: str) -> HttpResponse:
    """Raise what twofactor.enrollment raises."""
    confirmed = enrollment.confirm(request.session, operator, code, carried.typed_at(request))
    by = origin(request)
    if operator.pk != request.user.pk:
        # No recovery codes: only their owner may see them, and is offered some at the next login.
        enrollment.enroll(operator, confirmed, by)
        return _enrolled_other(request, operator, by)
    new_codes = recovery.generate()
    enrollment.enroll(request.user, confirmed, by, new_codes)
    show_new_codes(request, new_codes, _next_page(request))
    messages.success(
        request, _("Two-factor authentication is set up. From now on you type a code at every sign-in.")
    )
    return redirect("twofactor:recovery-codes")


def _next_page(request: SignedInRequest) -> str:
    query = request.GET.get("then")
    return f"{reverse('operators:policy-preview')}?{query}" if query else request.user.get_absolute_url()


def _enrolled_other(request: SignedInRequest, operator: Operator, by: Origin) -> HttpResponse:
    if not emails.two_factor_set_up_by(operator, by).has_failed:
        messages.success(
            request,
            _("Two-factor authentication is set up for %(name)s, who was told by email.")
            % {"name": isolated(operator.name)},
        )
    else:
        messages.warning(
            request,
            _(
                "Two-factor authentication is set up for %(name)s. "
                "The email about it to %(email)s could not be sent: tell them yourself."
            )
            % {"name": isolated(operator.name), "email": operator.email},
        )
    return redirect(operator)
