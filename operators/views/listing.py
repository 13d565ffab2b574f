"""The operators list."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import administrators_only
from accounts.http import SignedInRequest
from operators.count_links import links
from operators.counts import count
from operators.filters import OperatorFilters
from operators.models import Operator
from operators.tables import OperatorTable


@require_safe
@administrators_only
def operators(request: SignedInRequest) -> HttpResponse:
    """Show the operators of the account: who is protected, and who is not yet."""
    account = request.user.account
    filters = filters_of(request)
    table = OperatorTable.of(filters.qs, request.GET.get("sort", ""), request.GET.get("page", ""))
    counts = count(account, timezone.now())
    context = {"filters": filters, "table": table, "counts": counts, "count_links": links(counts)}
    return render(request, "operators/list.html", context)


def filters_of(request: SignedInRequest) -> OperatorFilters:
    """Return the filters that the address names, over the operators of the reader's own account."""
    account = request.user.account
    rows = Operator.objects.filter(account=account).complete().with_invitation_state().with_setup_link_state()
    return OperatorFilters(request.GET, queryset=rows, account=account)
