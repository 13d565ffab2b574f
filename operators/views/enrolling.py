"""The scan popup on the operator page, and resetting."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.audit import origin, record
from accounts.http import SignedInRequest, data_of
from accounts.models import Action
from operators import access, emails, outlook
from operators.models import Operator
from operators.reset import NotEnrolledError
from operators.reset import reset as reset_two_factor
from twofactor import enrollment
from twofactor.forms import CodeForm, EnrollmentForm, refuse_code


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def scan(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the QR code of an operator who is not enrolled; Finish enrolls."""
    operator = access.to_scan(request.user, pk)
    if reason := _why_not(operator):
        messages.warning(request, reason)
        return redirect(operator)
    form = EnrollmentForm(data_of(request))
    if form.is_valid():
        try:
            enrollment.finish(request.session, operator, form.cleaned_data["code"], origin(request))
        except enrollment.WrongCodeError as error:
            form.refuse(error)
        except enrollment.AlreadyEnrolledError:
            messages.warning(request, _already(operator))
            return redirect(operator)
        else:
            return _enrolled(request, operator)
    offer = enrollment.offer(request.session, operator)
    context = {"form": form, "enrollment": offer, "operator": operator}
    return render(request, "operators/scan.html", context)


def _why_not(operator: Operator) -> str:
    """Return why nothing can be scanned for this operator; "" where it can."""
    if operator.is_enrolled:
        return _already(operator)
    if operator.is_invited:
        return _("%(name)s sets up two-factor authentication while accepting the invitation.") % {
            "name": operator.name
        }
    return outlook.why_no_two_factor(operator)


def _already(operator: Operator) -> str:
    """Return what to do where an authenticator exists."""
    return _(
        "Two-factor authentication is set up for %(name)s already, so nothing was changed. "
        "Reset it first to use another phone."
    ) % {"name": operator.name}


def _enrolled(request: SignedInRequest, operator: Operator) -> HttpResponse:
    """Keep one's own session; tell somebody else by email what was done for them."""
    if operator.pk == request.user.pk:
        update_session_auth_hash(request, operator)
        messages.success(
            request, _("Two-factor authentication is set up. From now on you type a code at every sign-in.")
        )
    elif not emails.two_factor_set_up_by(operator, request.user.name).has_failed:
        messages.success(
            request,
            _("Two-factor authentication is set up for %(name)s, who was told by email.")
            % {"name": operator.name},
        )
    else:
        messages.warning(
            request,
            _(
                "Two-factor authentication is set up for %(name)s. "
                "The email about it to %(email)s could not be sent: tell them yourself."
            )
            % {"name": operator.name, "email": operator.email},
        )
    return redirect(operator)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: SignedInRequest, pk: int) -> HttpResponse:
    """Remove an operator's authenticator, after saying what follows; one's own only with a code."""
    operator = access.to_edit(request.user, pk)
    is_self = operator.pk == request.user.pk
    if not operator.is_enrolled:
        messages.info(
            request, _("Two-factor authentication is not set up for %(name)s.") % {"name": operator.name}
        )
        return redirect(operator)
    form = CodeForm(data_of(request)) if is_self else None
    if request.method == "POST" and (form is None or (form.is_valid() and _proves(request, form))):
        return _reset(request, operator)
    context = {
        "operator": operator,
        "is_self": is_self,
        "form": form,
        "required": operator.effective.required,
    }
    return render(request, "operators/reset.html", context)


def _proves(request: SignedInRequest, form: CodeForm) -> bool:
    """Whether the code is right; says so beside the field where it is not."""
    if refuse_code(form, request.user.authenticator, timezone.now()):
        record(Action.CODE_FAILED, by=origin(request), subject=request.user)
        return False
    return True


def _reset(request: SignedInRequest, operator: Operator) -> HttpResponse:
    """Reset, and say what happened and whether the operator was told."""
    try:
        told = reset_two_factor(operator, origin(request))
    except NotEnrolledError:
        messages.info(request, _("Somebody else has reset it already."))
        return redirect(operator)
    if operator.pk == request.user.pk:
        update_session_auth_hash(request, operator)
    messages.success(request, _("Two-factor authentication of %(name)s is reset.") % {"name": operator.name})
    if not told:
        messages.warning(
            request, _("The email about it to %(email)s could not be sent.") % {"email": operator.email}
        )
    return redirect(operator)
