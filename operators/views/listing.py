"""The operators list."""

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import administrators_only
from accounts.http import SignedInRequest
from accounts.models import Account
from operators.filters import OperatorFilters
from operators.forms_bulk import LIST_KINDS
from operators.models import Operator
from operators.status import Status
from operators.status_filter import status_condition
from operators.tables import OperatorTable

# Django calls classes that it finds in a template's context: an enum's members go there one by one.
STATUSES = {"PROTECTED": Status.PROTECTED, "REQUIRED": Status.REQUIRED}


@require_safe
@administrators_only
def operators(request: SignedInRequest) -> HttpResponse:
    """Show the operators of the account: who is protected, and who is not yet."""
    account = request.user.account
    rows = Operator.objects.filter(account=account).complete().with_invitation_state()
    filters = OperatorFilters(request.GET, queryset=rows, account=account)
    table = OperatorTable.of(filters.qs, request.GET.get("sort", ""), request.GET.get("page", ""))
    context = {"filters": filters, "table": table, "counts": _counts(account), **STATUSES}
    context["bulk_kinds"] = LIST_KINDS
    return render(request, "operators/list.html", context)


def _counts(account: Account) -> dict[str, int]:
    """Return how many operators there are, and of those that matter most, in one query."""
    now = timezone.now()
    protected = status_condition(Status.PROTECTED, account.rule, now)
    required = status_condition(Status.REQUIRED, account.rule, now)
    counts: dict[str, int] = Operator.objects.filter(account=account).aggregate(
        all=Count("pk"), protected=Count("pk", filter=protected), required=Count("pk", filter=required)
    )
    return counts
