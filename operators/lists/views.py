"""The operators list, and its export."""

from functools import cache
from typing import Any

from django.db.models import BigIntegerField
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof_to_download
from accounts.audit.trail import origin
from accounts.compiled import CompiledQuery, Parameter
from accounts.exports import chosen_by, csv_response, note
from accounts.http import SignedInRequest
from accounts.models import Account
from operators.lists.count_links import links
from operators.lists.export import TITLE, columns, lines
from operators.lists.filters import OperatorFilters
from operators.lists.rows import rows_of
from operators.lists.tables import in_order, operator_table
from operators.models import Operator
from operators.models.bulk import LIST_KINDS
from operators.status.counts import count

# More operators than can be counted while somebody waits for the list.
MANY = 5000


@require_safe
@administrators_only
def operators(request: SignedInRequest) -> HttpResponse:
    account = request.user.account
    # The id of the part of the page that htmx fills with the answer; none for a whole page.
    part = request.headers.get("HX-Target", "")
    if part == "facts":
        return render(request, "operators/people/_facts.html", _counts(account))
    filters = filters_of(request)
    sort, page = request.GET.get("sort", ""), request.GET.get("page") or "1"
    all_counted = not (part and filters.uses_trigrams) and _is_counted(request)
    table = operator_table(filters, sort, page, counted=all_counted or filters.uses_trigrams)
    rows = rows_of(table.page.object_list)
    context = {"filters": filters, "table": table, "rows": rows, "bulk_kinds": LIST_KINDS}
    if part == "results":
        return render(request, "operators/lists/_list_part.html", context)
    counts = _counts(account) if all_counted and not part else {}
    return render(request, "operators/lists/list.html", context | counts)


@needs_proof_to_download
@require_POST
@administrators_only
def export(request: SignedInRequest) -> HttpResponseBase:
    filters = filters_of(request)
    if not filters.is_valid():
        # The list says what is wrong; a file with more in it than was asked for would say nothing.
        return redirect(f"{reverse('operators:list')}?{request.GET.urlencode()}")
    rows = in_order(filters.qs, request.GET.get("sort", ""))
    which, account, number = chosen_by(filters), request.user.account, rows.count()
    entry = note(str(TITLE), *which, number=number, by=origin(request), account=account)
    return csv_response(entry, "two-factor-status", columns(), lines(account, rows), number=number)


def filters_of(request: SignedInRequest) -> OperatorFilters:
    account = request.user.account
    return OperatorFilters(request.GET, queryset=account.operators.all(), account=account)


def _is_counted(request: SignedInRequest) -> bool:
    """Whether the page goes out with its numbers: they need a look at every operator, the rest does not.

    Where there are many, a script asks for those of the head when the page is there, and links ask for all.
    """
    return "counts" in request.GET or not _behind(MANY).rows(account=request.user.account_id)


@cache
def _behind(number: int) -> CompiledQuery[Operator]:
    everybody = Operator.objects.filter(account=Parameter("account", BigIntegerField())).order_by("email")
    return CompiledQuery(lambda: everybody.only("pk")[number : number + 1])


def _counts(account: Account) -> dict[str, Any]:
    counts = count(account, timezone.now())
    return {"counts": counts, "count_links": links(counts)}
