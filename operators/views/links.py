"""The ledger of setup links and invitations, and what can be done with a setup link."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only
from accounts.audit import origin
from accounts.durations import duration
from accounts.http import SignedInRequest
from accounts.spreadsheet import csv_response
from invitations import setup_link
from operators import access
from operators import ledger as table
from operators.ledger import LIVE, PAGE_SIZE, STATE_LABELS, TONES, LinkFilters, State
from operators.models import Operator
from operators.status import Status


@require_safe
@administrators_only
def links(request: SignedInRequest) -> HttpResponse:
    """Show every setup link and invitation of the account, newest first."""
    filters = _filters(request)
    page = Paginator(filters.qs, PAGE_SIZE).get_page(request.GET.get("page"))
    for record in page:
        state = State(record.state)
        record.label, record.tone = STATE_LABELS[state], TONES.get(state, "neutral")
        record.can_act = record.is_there and state in (*LIVE, State.EXPIRED)
        record.can_withdraw = record.can_act and (state in LIVE or record.kind == record.Kind.INVITATION)
    return render(request, "operators/links.html", {"filters": filters, "page": page})


@require_safe
@administrators_only
def export(request: SignedInRequest) -> HttpResponseBase:
    """Send the links that the page's filters leave, all of them, as CSV."""
    filters = _filters(request)
    if not filters.is_valid():
        return redirect(f"{reverse('operators:links')}?{request.GET.urlencode()}")
    return csv_response("links", request.user.account.name, table.header(), table.rows(filters.qs))


def _filters(request: SignedInRequest) -> LinkFilters:
    """Return the filters that the address names, over the links of the reader's own account."""
    return LinkFilters(request.GET, queryset=table.records(request.user.account_id, timezone.now()))


@require_POST
def send_setup_link(request: SignedInRequest, pk: int) -> HttpResponse:
    """Mail a setup link to whoever has to set up and has not; the older link stops working."""
    operator = access.to_manage(request.user, pk)
    if operator.status is not Status.REQUIRED:
        text = _("%(name)s does not need a setup link now.")
        messages.info(request, text % {"name": operator.name or operator.email})
    else:
        _send(request, operator)
    return redirect("operators:links")


def _send(request: SignedInRequest, operator: Operator) -> None:
    """Ask for the email and say how that went."""
    if wait := setup_link.send(operator, origin(request)):
        text = _("A setup link went out a short while ago. Send it again in %(wait)s.")
        messages.warning(request, text % {"wait": duration(wait)})
        return
    mail, _wait, _live = setup_link.last_email(operator)
    if mail and mail.has_failed:
        text = _("The setup link to %(email)s could not be sent: the mail server did not take it.")
        messages.error(request, text % {"email": operator.email})
    else:
        text = _("The setup link is on its way to %(email)s. It works for an hour, with the password.")
        messages.success(request, text % {"email": operator.email})


@require_POST
def withdraw_setup_link(request: SignedInRequest, pk: int) -> HttpResponse:
    """Make an operator's setup link useless; the next sign-in mails another one."""
    operator = access.to_manage(request.user, pk)
    if setup_link.withdraw(operator, origin(request)):
        text = _("The setup link of %(name)s is withdrawn. The next sign-in mails another one.")
        messages.success(request, text % {"name": operator.name or operator.email})
    else:
        messages.info(request, _("There was no setup link to withdraw."))
    return redirect("operators:links")
