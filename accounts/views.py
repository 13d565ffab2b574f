"""Account settings and the audit log."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit_export as table
from accounts.access import administrators_only, needs_proof_to_post
from accounts.audit import origin
from accounts.audit_search import AuditFilters, page_of
from accounts.forms import AccountSettingsForm
from accounts.http import SignedInRequest, data_of
from accounts.models import POLICY_LABELS, AuditEntry
from accounts.settings_page import change_policy
from accounts.spreadsheet import csv_response


@needs_proof_to_post
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def account_settings(request: SignedInRequest) -> HttpResponse:
    """Show and change the account-wide two-factor policy."""
    account = request.user.account
    form = AccountSettingsForm(data_of(request), initial={"two_factor_policy": account.two_factor_policy})
    if form.is_valid():
        policy = form.cleaned_data["two_factor_policy"]
        if change_policy(account, policy, origin(request)):
            messages.success(
                request,
                _(
                    "Two-factor authentication is now %(policy)s for %(account)s. "
                    "It applies at each next sign-in."
                )
                % {"policy": POLICY_LABELS[policy], "account": account.name},
            )
        else:
            messages.info(request, _("Nothing changed: that was the setting already."))
        return redirect("accounts:settings")
    return render(request, "accounts/settings.html", {"form": form, "account": account})


@require_safe
@administrators_only
def audit_log(request: SignedInRequest) -> HttpResponse:
    """Show what happened in the account, newest first."""
    filters = _filters(request)
    page = page_of(filters.qs, request.GET)
    return render(request, "accounts/audit_log.html", {"filters": filters, "page": page})


@require_safe
@administrators_only
def audit_export(request: SignedInRequest) -> HttpResponseBase:
    """Send the entries that the page's filters leave, all of them, as CSV."""
    filters = _filters(request)
    if not filters.is_valid():
        # The page says what is wrong; a file with more in it than was asked for would say nothing.
        return redirect(f"{reverse('accounts:audit-log')}?{request.GET.urlencode()}")
    return csv_response("audit-log", request.user.account.name, table.header(), table.rows(filters.qs))


def _filters(request: SignedInRequest) -> AuditFilters:
    """Return the filters that the address names, over the entries of the reader's own account."""
    return AuditFilters(request.GET, queryset=AuditEntry.objects.filter(account=request.user.account_id))
