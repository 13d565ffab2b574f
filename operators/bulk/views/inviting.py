"""Inviting many people at once: a table is checked, its mistakes are shown, and it is confirmed."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.access import administrators_only, needs_proof_to_post
from accounts.audit.trail import origin
from accounts.exports import csv_response, note
from accounts.http import SignedInRequest, require_get_or_post, takes_a_table
from accounts.spreadsheet import Column
from accounts.text import isolated
from operators.bulk import work
from operators.bulk.forms import ConfirmForm
from operators.bulk.invitation_table import Row
from operators.bulk.table_form import InviteManyForm

SHOWN = 100
FIRST = 5


@takes_a_table
@require_get_or_post
@administrators_only
def check(request: SignedInRequest) -> HttpResponse:
    return _page(request, _form(request))


@takes_a_table
@needs_proof_to_post
@require_POST
@administrators_only
def confirm(request: SignedInRequest) -> HttpResponse:
    form, sent = _form(request), ConfirmForm(request.POST)
    if not (form.is_valid() and sent.is_valid()):
        return _page(request, form)
    # Sent a second time, when the people of the first time are there already.
    if done := work.find_started(request.user.account, sent.cleaned_data["key"]):
        return redirect("operators:bulk-action", done.pk)
    if sent.cleaned_data["shown"] != form.word:
        messages.warning(
            request, _("Something has changed in the meantime. Nothing is sent yet: look at the rows again.")
        )
        return _page(request, form)
    action = work.start_inviting(
        form.good, request.user.account, key=sent.cleaned_data["key"], by=origin(request)
    )
    return redirect("operators:bulk-action", action.pk)


@takes_a_table
@require_POST
@administrators_only
def errors(request: SignedInRequest) -> HttpResponseBase:
    form = _form(request)
    if not form.is_valid():
        return _page(request, form)
    columns: tuple[Column[Row], ...] = (
        Column("line", _("Line"), lambda row: str(row.number)),
        Column("name", _("Name"), lambda row: row.cells["name"]),
        Column("email", _("Email"), lambda row: row.cells["email"]),
        Column("groups", _("Groups"), lambda row: row.cells["groups"]),
        Column("override", _("Override"), lambda row: row.cells["override"]),
        Column("reason", _("Reason"), lambda row: row.cells["reason"]),
        Column("until", _("Last day"), lambda row: row.cells["until"]),
        Column("errors", _("What is wrong"), lambda row: " ".join(row.errors)),
    )
    number = len(form.bad)
    words = _("Rows of a table of people that have errors")
    entry = note(words, number=number, by=origin(request), account=request.user.account)
    return csv_response(entry, "not-invited", columns, form.bad, number=number)


def _form(request: SignedInRequest) -> InviteManyForm:
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    return InviteManyForm(*sent, account=request.user.account)


def _page(request: SignedInRequest, form: InviteManyForm) -> HttpResponse:
    context: dict[str, object] = {"form": form}
    if form.is_bound and form.is_valid():
        good, bad = form.good, form.bad
        context |= {
            "form": InviteManyForm(initial={"text": form.table}, account=request.user.account),
            "text": form.table,
            "checked": True,
            "good": len(good),
            "bad": len(bad),
            "wrong": bad[:SHOWN],
            "unread": form.unread,
            "first": [isolated(row.name) for row in good[:FIRST]],
            "more": len(good[FIRST:]),
            "with_groups": sum(bool(row.groups) for row in good),
            "with_override": sum(bool(row.override) for row in good),
            "confirmation": ConfirmForm.fresh(len(good), form.word),
        }
    return render(request, "operators/bulk/invite_many.html", context)
