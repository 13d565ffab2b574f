"""The ledger of setup links and invitations, and the buttons of a setup link."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof_to_download, needs_proof_to_post
from accounts.audit.trail import Origin, origin
from accounts.durations import duration
from accounts.exports import chosen_by, csv_response, note
from accounts.http import SignedInRequest, require_get_or_post, url_with_query
from accounts.spreadsheet import BATCH
from accounts.text import isolated
from invitations import fresh_link, setup_link
from invitations.models import Link
from operators import access
from operators.links.ledger import LIVE, STATE_LABELS, TONES, LinkFilters, LinkState, columns, records
from operators.lists.paging import numbered_page
from operators.models import Operator
from operators.rules.status import Status


@require_safe
@administrators_only
def links(request: SignedInRequest) -> HttpResponse:
    filters = _filters(request)
    page = numbered_page(filters.qs, request.GET.get("page"))
    for record in page:
        state = LinkState(record.state)
        record.label, record.tone = STATE_LABELS[state], TONES.get(state, "neutral")
        # Actions apply to the person's newest link, so only its row offers them.
        record.can_act = record.is_there and record.ended_at is None and state in (*LIVE, LinkState.EXPIRED)
        record.can_withdraw = record.can_act and (state in LIVE or record.kind == record.Kind.INVITATION)
    return render(request, "operators/links/links.html", {"filters": filters, "page": page})


@needs_proof_to_download
@require_POST
@administrators_only
def export(request: SignedInRequest) -> HttpResponseBase:
    filters = _filters(request)
    if not filters.is_valid():
        return redirect(f"{reverse('operators:links')}?{request.GET.urlencode()}")
    rows, number = filters.qs.iterator(chunk_size=BATCH), filters.qs.count()
    which = [_("Setup links and invitations"), *chosen_by(filters)]
    entry = note(*which, number=number, by=origin(request), account=request.user.account)
    return csv_response(entry, "links", columns(), rows, number=number)


def _filters(request: SignedInRequest) -> LinkFilters:
    return LinkFilters(request.GET, queryset=records(request.user.account_id, timezone.now()))


def back_to_ledger(request: SignedInRequest) -> HttpResponse:
    # Its forms carry its filters.
    return redirect(url_with_query("operators:links", request.POST.get("ledger", "")))


@require_POST
def send_setup_link(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    if _needs_setup_link(request, operator):
        _send(request, operator)
    return back_to_ledger(request)


def _needs_setup_link(request: SignedInRequest, operator: Operator) -> bool:
    if operator.status is Status.REQUIRED:
        return True
    text = _("%(name)s does not need a setup link now.")
    messages.info(request, text % {"name": isolated(operator.name or operator.email)})
    return False


def _send(request: SignedInRequest, operator: Operator) -> None:
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
    operator = access.to_manage(request.user, pk)
    if setup_link.withdraw(operator, origin(request)):
        text = _("The setup link of %(name)s is withdrawn. The next sign-in mails another one.")
        messages.success(request, text % {"name": isolated(operator.name or operator.email)})
    else:
        messages.info(request, _("There was no setup link to withdraw."))
    return back_to_ledger(request)


@needs_proof_to_post
@require_get_or_post
def copy_setup_link(request: SignedInRequest, pk: int) -> HttpResponse:
    """For when mail is down; the link asks for the password."""
    operator = access.to_manage(request.user, pk)
    if not _needs_setup_link(request, operator):
        return redirect("operators:links")
    return copy(request, operator, Link.Purpose.SETUP, setup_link.make_link)


def copy(
    request: SignedInRequest,
    operator: Operator,
    purpose: Link.Purpose,
    make: Callable[[Operator, Origin], str],
) -> HttpResponse:
    """On POST make a new link, which ends the older one; on GET show the last one made."""
    if request.method == "POST":
        link = make(operator, origin(request))
        fresh_link.keep(request.session, request.user, operator, purpose, link)
        return redirect(request.path)
    link = fresh_link.current(request.session, request.user, operator, purpose)
    if not link:
        messages.info(
            request, _("That link is not shown any more. Copy a new one: the old one stops working.")
        )
        return redirect(operator)
    context = {"operator": operator, "link": link, "is_setup": purpose == Link.Purpose.SETUP}
    return render(request, "operators/links/copied_link.html", context)
