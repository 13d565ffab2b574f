"""Bulk actions: the preview and its confirmation, how far one has come, the list of them."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof_to_download, needs_proof_to_post
from accounts.audit.trail import origin
from accounts.exports import csv_response, note
from accounts.http import SignedInRequest, require_get_or_post, url_with_query
from accounts.models import Account
from accounts.spreadsheet import BATCH, Column
from operators.bulk import work
from operators.bulk.acts import makes_exceptions
from operators.bulk.forms import ConfirmExceptionForm, ConfirmForm, ConfirmResetForm, GroupForm, SelectionForm
from operators.bulk.preview import consequence, preview, what_changed
from operators.lists.paging import numbered_page
from operators.models import Group
from operators.models.bulk import NOT_DONE, BulkAction, BulkItem

DONE = Q(state=BulkItem.State.DONE)


@needs_proof_to_post
@require_get_or_post
@administrators_only
def choose(request: SignedInRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else request.GET
    selection = SelectionForm(data, account=request.user.account)
    if not selection.is_valid():
        for error in (error for errors in selection.errors.values() for error in errors):
            messages.error(request, str(error))
        return redirect(url_with_query("operators:list", data.get("filters", "")))
    group, asks = _group(request, selection, data)
    if asks is not None:
        return render(request, "operators/bulk/group.html", _page(data, selection) | {"form": asks})
    if request.method != "POST":
        return _preview(request, selection, group, None)
    return _confirm(request, selection, group)


def _group(
    request: SignedInRequest, selection: SelectionForm, data: QueryDict
) -> tuple[Group | None, GroupForm | None]:
    if selection.cleaned_data["kind"] != BulkAction.Kind.GROUP:
        return None, None
    form = GroupForm(data if "group" in data else None, account=request.user.account)
    return (form.cleaned_data["group"], None) if form.is_valid() else (None, form)


def _confirm(request: SignedInRequest, selection: SelectionForm, group: Group | None) -> HttpResponse:
    action = _action_of(request, selection, group)
    form = _form_of(action.kind, action.account)(request.POST)
    if not form.is_valid():
        return _preview(request, selection, group, form)
    action.reason, action.until, action.key = form.reason, form.ends_at, form.cleaned_data["key"]
    try:
        action = work.start(
            selection.operators, action, expected=form.cleaned_data["shown"], by=origin(request)
        )
    except work.OtherPeopleError:
        return _preview(request, selection, group, form)
    return redirect("operators:bulk-action", action.pk)


def _action_of(request: SignedInRequest, selection: SelectionForm, group: Group | None) -> BulkAction:
    user, kind = request.user, selection.cleaned_data["kind"]
    return BulkAction(account=user.account, kind=kind, group=group, asked_by=user)


def _form_of(kind: str, account: Account) -> type[ConfirmForm]:
    if kind == BulkAction.Kind.RESET:
        return ConfirmResetForm
    return ConfirmExceptionForm if makes_exceptions(kind, account, timezone.now()) else ConfirmForm


def _preview(
    request: SignedInRequest, selection: SelectionForm, group: Group | None, sent: ConfirmForm | None
) -> HttpResponse:
    """Show the preview; what was typed stays, and the numbers are those of now."""
    kind = selection.cleaned_data["kind"]
    found = preview(selection.operators, _action_of(request, selection, group))
    if sent and sent.cleaned_data.get("shown") not in (None, found.word):
        changed = what_changed(sent.before, sent.cleaned_data.get("counted"), found, request.user.account)
        text = _("Something has changed in the meantime. Nothing is done yet. %(what)s Look again.")
        messages.warning(request, text % {"what": changed})
    fresh = _form_of(kind, request.user.account).fresh(found.acted_upon.number, found.word, found.numbers)
    data = request.POST if request.method == "POST" else request.GET
    context = _page(data, selection) | {
        "found": found,
        "group": group,
        "consequence": consequence(kind, request.user.account),
        "destroys": kind in (BulkAction.Kind.RESET, BulkAction.Kind.DEACTIVATE),
        "hidden": fresh.hidden,
        "fields": [field for field in sent or fresh if not field.is_hidden],
    }
    return render(request, "operators/bulk/preview.html", context)


def _page(data: QueryDict, selection: SelectionForm) -> dict[str, Any]:
    cleaned = selection.cleaned_data
    kept = [("kind", cleaned["kind"])]
    if cleaned["every"]:
        kept += [("every", "on"), ("filters", cleaned["filters"])]
    else:
        kept += [("operator", str(key)) for key in selection.ticked]
    return {
        "kept": kept,
        "title": BulkAction.Kind(cleaned["kind"]).label,
        "back": url_with_query("operators:list", data.get("filters", "")),
    }


@require_safe
@administrators_only
def actions(request: SignedInRequest) -> HttpResponse:
    mine = BulkAction.objects.filter(account=request.user.account_id).select_related("group")
    page = numbered_page(mine, request.GET.get("page"))
    items = BulkItem.objects.filter(action__in=[found.pk for found in page]).order_by()
    counted = items.values("action").annotate(all=Count("pk"), done=Count("pk", filter=DONE))
    numbers = {row["action"]: row for row in counted}
    rows = [(found, numbers.get(found.pk)) for found in page]
    return render(request, "operators/bulk/actions.html", {"page": page, "rows": rows})


@require_safe
@administrators_only
def action(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _action(request, pk)
    states = {state.value: Count("pk", filter=Q(state=state)) for state in BulkItem.State}
    numbers = found.items.aggregate(all=Count("pk"), **states)
    seen = f"{found.state}-{numbers['done']}-{numbers['left_out']}-{found.is_stalled:d}"
    if request.GET.get("seen") == seen:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    items, only_rest = found.items.order_by("pk"), request.GET.get("show") != "all"
    context = {
        "action": found,
        "numbers": numbers,
        "seen": seen,
        "percent": 100 * (numbers["all"] - numbers["waiting"]) // max(numbers["all"], 1),
        "page": numbered_page(items.filter(NOT_DONE) if only_rest else items, request.GET.get("page")),
        "only_rest": only_rest,
    }
    return render(request, "operators/bulk/action.html", context)


@require_POST
@administrators_only
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    found = _action(request, pk)
    if work.cancel(found, origin(request)):
        messages.success(request, _("Cancelled. What was done already stays done."))
    else:
        messages.info(request, _("It had ended already."))
    return redirect("operators:bulk-action", found.pk)


@needs_proof_to_download
@require_POST
@administrators_only
def export(request: SignedInRequest, pk: int) -> HttpResponseBase:
    found = _action(request, pk)
    rest = found.items.filter(NOT_DONE).order_by("pk")
    columns: tuple[Column[BulkItem], ...] = (
        Column("name", _("Name"), lambda item: item.name),
        Column("email", _("Email"), lambda item: item.email),
        Column("why", _("Why not"), lambda item: item.why),
    )
    number = rest.count()
    words = _("Not done: %(action)s") % {"action": found.label}
    entry = note(words, number=number, by=origin(request), account=found.account)
    return csv_response(entry, "not-done", columns, rest.iterator(chunk_size=BATCH), number=number)


def _action(request: SignedInRequest, pk: int) -> BulkAction:
    mine = BulkAction.objects.filter(account=request.user.account_id).select_related("account", "group")
    return get_object_or_404(mine, pk=pk)
