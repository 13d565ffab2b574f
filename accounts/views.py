"""Account settings and the audit log."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import administrators_only
from accounts.audit import origin
from accounts.audit_search import AuditFilters, page_of
from accounts.delivery import waiting_since
from accounts.forms import AccountSettingsForm
from accounts.http import SignedInRequest, data_of
from accounts.models import POLICY_LABELS, AuditEntry
from accounts.settings_page import change_policy


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
    context = {"form": form, "account": account, "mails_wait_since": waiting_since(account.pk)}
    return render(request, "accounts/settings.html", context)


@require_safe
@administrators_only
def audit_log(request: SignedInRequest) -> HttpResponse:
    """Show what happened in the account, newest first."""
    entries = AuditEntry.objects.filter(account=request.user.account_id)
    filters = AuditFilters(request.GET, queryset=entries)
    page = page_of(filters.qs, request.GET)
    return render(request, "accounts/audit_log.html", {"filters": filters, "page": page})
