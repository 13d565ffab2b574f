"""Account settings and the audit log."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof_to_download, needs_proof_to_post
from accounts.audit.export import POLICY_CHANGES, columns
from accounts.audit.search import AuditFilters, page_of
from accounts.audit.trail import origin
from accounts.exports import chosen_by, csv_response, note
from accounts.forms import AccountSettingsForm, TrustedBrowserForm
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.mail.delivery import waiting_since
from accounts.models import Account, Action, AuditEntry
from accounts.settings_page import change_trusted_browser_days
from accounts.spreadsheet import BATCH, in_zone


@require_get_or_post
@administrators_only
def account_settings(request: SignedInRequest) -> HttpResponse:
    """Saving another policy leads to a preview, and stores nothing yet."""
    account = request.user.account
    if request.method != "POST":
        return settings_page(request, AccountSettingsForm.of(account.rule))
    form = AccountSettingsForm(request.POST)
    if not form.is_valid():
        return settings_page(request, form)
    return redirect(f"{reverse('operators:policy-preview')}?{form.query}")


@needs_proof_to_post
@require_POST
@administrators_only
def trusted_browsers(request: SignedInRequest) -> HttpResponse:
    account = request.user.account
    form = _trusted_browser_form(account, request)
    if not form.is_valid():
        return settings_page(request, AccountSettingsForm.of(account.rule), form)
    days = form.cleaned_data["trusted_browser_days"]
    if not change_trusted_browser_days(account, days, origin(request)):
        messages.info(request, _("Nothing changed: that was the setting already."))
    elif days:
        text = ngettext(
            "Operators may now trust a browser for %d day.",
            "Operators may now trust a browser for %d days.",
            days,
        )
        messages.success(request, text % days)
    else:
        messages.success(request, _("No browser is trusted any more: every sign-in asks for a code."))
    return redirect("accounts:settings")


def _trusted_browser_form(account: Account, request: SignedInRequest | None = None) -> TrustedBrowserForm:
    return TrustedBrowserForm(
        data_of(request) if request else None, initial={"trusted_browser_days": account.trusted_browser_days}
    )


def settings_page(
    request: SignedInRequest, form: AccountSettingsForm, trusted_form: TrustedBrowserForm | None = None
) -> HttpResponse:
    account = request.user.account
    context = {
        "form": form,
        "trusted_form": trusted_form or _trusted_browser_form(account),
        "account": account,
        "mails_wait_since": waiting_since(account.pk),
    }
    return render(request, "accounts/settings.html", context)


@require_safe
@administrators_only
def audit_log(request: SignedInRequest) -> HttpResponse:
    filters = _filters(request)
    page = page_of(filters.qs, request.GET)
    return render(request, "accounts/audit_log.html", {"filters": filters, "page": page})


@needs_proof_to_download
@require_POST
@administrators_only
def audit_export(request: SignedInRequest) -> HttpResponseBase:
    filters = _filters(request)
    if not filters.is_valid():
        # The page says what is wrong; a file with more in it than was asked for would say nothing.
        return redirect(f"{reverse('accounts:audit-log')}?{request.GET.urlencode()}")
    account, number = request.user.account, filters.qs.count()
    which = chosen_by(filters) or [_("All entries")]
    entry = note(*which, number=number, by=origin(request), account=account, action=Action.AUDIT_EXPORTED)
    # The rows are read while they are sent: the entry about the file is not to be in it.
    rows = filters.qs.filter(pk__lt=entry.pk).iterator(chunk_size=BATCH)
    return csv_response(entry, "audit-log", columns(), rows, number=number)


@needs_proof_to_download
@require_POST
@administrators_only
def policy_export(request: SignedInRequest) -> HttpResponseBase:
    account = request.user.account
    entries = AuditEntry.objects.filter(account=account, action__in=POLICY_CHANGES)
    number = entries.count()
    entry = note(_("Changes of the policy"), number=number, by=origin(request), account=account)
    titled, rows = columns(in_zone(_("When"))), entries.iterator(chunk_size=BATCH)
    return csv_response(entry, "policy-changes", titled, rows, number=number)


def _filters(request: SignedInRequest) -> AuditFilters:
    return AuditFilters(request.GET, queryset=AuditEntry.objects.filter(account=request.user.account_id))
