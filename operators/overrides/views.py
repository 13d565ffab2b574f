"""The list of exceptions from the account's policy, and its CSV."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof_to_download
from accounts.audit.trail import origin
from accounts.exports import chosen_by, csv_response, note
from accounts.http import SignedInRequest
from accounts.spreadsheet import BATCH
from operators.overrides.exceptions import (
    ORDERS,
    ExceptionFilters,
    columns,
    counts,
    excepted,
    exception_table,
)


@require_safe
@administrators_only
def exceptions(request: SignedInRequest) -> HttpResponse:
    filters = _filters(request)
    table = exception_table(filters.qs, request.GET.get("sort", ""), request.GET.get("page", ""))
    context = {"filters": filters, "table": table, "counts": counts(request.user.account)}
    return render(request, "operators/overrides/exceptions.html", context)


@needs_proof_to_download
@require_POST
@administrators_only
def export(request: SignedInRequest) -> HttpResponseBase:
    """All pages of what the filters leave."""
    filters = _filters(request)
    if not filters.is_valid():
        return redirect(f"{reverse('operators:exceptions')}?{request.GET.urlencode()}")
    rows, number = filters.qs.order_by(*ORDERS["end"]).iterator(chunk_size=BATCH), filters.qs.count()
    which = [_("Exceptions"), *chosen_by(filters)]
    entry = note(*which, number=number, by=origin(request), account=request.user.account)
    return csv_response(entry, "exceptions", columns(), rows, number=number)


def _filters(request: SignedInRequest) -> ExceptionFilters:
    return ExceptionFilters(request.GET, queryset=excepted(request.user.account))
