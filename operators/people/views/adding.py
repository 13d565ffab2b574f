"""The pages for adding an operator, and the buttons of an open invitation."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof, needs_proof_to_post
from accounts.audit.trail import origin
from accounts.durations import duration
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.text import isolated
from invitations import invite as invitation
from invitations.models import Link, TooSoonError
from operators import access
from operators.links.views import back_to_ledger, copy
from operators.models import Operator
from operators.people import adding, removal
from operators.people.forms import CreateOperatorForm, NewOperatorForm


@require_safe
@administrators_only
def choose(request: SignedInRequest) -> HttpResponse:
    return render(request, "operators/people/add.html")


@needs_proof_to_post
@require_get_or_post
@administrators_only
def invite(request: SignedInRequest) -> HttpResponse:
    form = NewOperatorForm(data_of(request), **_account_of(request))
    if form.is_valid() and (operator := adding.add(form, request.user.account, origin(request))):
        _send(request, operator)
        return redirect(operator)
    return render(request, "operators/people/invite.html", {"form": form})


@needs_proof
@require_get_or_post
@administrators_only
def create(request: SignedInRequest) -> HttpResponse:
    form = CreateOperatorForm(data_of(request), **_account_of(request))
    if form.is_valid() and (operator := adding.add(form, request.user.account, origin(request))):
        messages.success(
            request,
            _(
                "%(name)s is added and can sign in with the password you chose. "
                "No email was sent: tell them yourself."
            )
            % {"name": isolated(operator.name)},
        )
        return redirect(operator)
    return render(request, "operators/people/create.html", {"form": form})


def _account_of(request: SignedInRequest) -> dict[str, Any]:
    account = request.user.account
    initial = {"policy": account.two_factor_policy}
    return {"account_id": account.pk, "rule": account.rule, "initial": initial}


@require_POST
def resend(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if _still_invited(request, operator):
        _send(request, operator)
    return back_to_ledger(request) if "ledger" in request.POST else redirect(operator)


@needs_proof_to_post
@require_get_or_post
def copy_link(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show a new invitation link, for when mail is down; the older one stops working."""
    operator = access.to_manage(request.user, pk)
    if not _still_invited(request, operator):
        return redirect(operator)
    return copy(request, operator, Link.Purpose.INVITATION, invitation.make_link)


@require_get_or_post
def withdraw(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if not _still_invited(request, operator):
        return redirect(operator)
    if request.method != "POST":
        return render(request, "operators/links/withdraw.html", {"operator": operator})
    if removal.withdraw(operator, origin(request)):
        messages.success(request, _("The invitation to %(email)s is withdrawn.") % {"email": operator.email})
        return redirect("operators:list")
    messages.warning(request, _("%(name)s has accepted in the meantime.") % {"name": isolated(operator.name)})
    return redirect("operators:detail", pk=pk)


def _still_invited(request: SignedInRequest, operator: Operator) -> bool:
    if not operator.is_invited:
        messages.info(request, _("%(name)s has joined already.") % {"name": isolated(operator.name)})
    return operator.is_invited


def _send(request: SignedInRequest, operator: Operator) -> None:
    try:
        mail = invitation.send(operator, origin(request))
    except TooSoonError as error:
        text = _("An invitation went out a short while ago. Send it again in %(wait)s.")
        messages.warning(request, text % {"wait": duration(error.wait)})
        return
    if not mail.has_failed:
        messages.success(
            request,
            _("The invitation is on its way to %(email)s. It works for 21 days.") % {"email": operator.email},
        )
    else:
        messages.error(
            request,
            _(
                "The invitation to %(email)s could not be sent: the mail server did not take it. "
                "Send it again in a while, or copy the link and pass it on yourself."
            )
            % {"email": operator.email},
        )
