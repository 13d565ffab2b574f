"""The preview of a new account policy, and its confirmation."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.access import administrators_only, needs_proof_to_post
from accounts.audit.trail import origin
from accounts.days import in_words
from accounts.forms import AccountSettingsForm
from accounts.http import SignedInRequest, require_get_or_post
from accounts.models import Account
from accounts.policy import AccountRule, Policy, asks_less
from accounts.settings_page import rule_in_words
from accounts.text import isolated
from accounts.views import settings_page
from operators.lists.paging import numbered_page
from operators.policy.groups import as_text, group_words, titles, what_changed
from operators.policy.preview import Preview, people_in, preview_of
from operators.reminders import announcing
from operators.rules.policy_change import MUST_ENROLL, Change

# Room for the counts of all groups.
WAS_LENGTH = 1000
# When the old policy was Disabled; twofactor.late_code asks.
ASKED_AT_ONCE = gettext_lazy(
    "Operators who are logged in and have an authenticator are asked for a code at their next page."
)


@needs_proof_to_post
@require_get_or_post
@administrators_only
def preview(request: SignedInRequest) -> HttpResponse:
    """Confirm stores the policy only if it still affects the same people as shown."""
    form = AccountSettingsForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return settings_page(request, form)
    change = _change(request, form)
    if change.old == change.new:
        messages.info(request, _("Nothing changed: that was the setting already."))
        return redirect("accounts:settings")
    affected = preview_of(request.user.account, change)
    if request.method != "POST":
        return _page(request, form, affected)
    return _confirm(request, form, affected)


def _change(request: SignedInRequest, form: AccountSettingsForm) -> Change:
    now = timezone.now()
    return Change(request.user.account.rule.as_of(now), form.rule, now)


def _confirm(request: SignedInRequest, form: AccountSettingsForm, affected: Preview) -> HttpResponse:
    """Store the policy, or show the preview again if it affects other people now."""
    account, new = request.user.account, affected.change.new
    if _must_enroll(request, affected.change):
        return _page(request, form, affected)
    is_as_shown = request.POST.get("shown") == affected.fingerprint
    mail_now = "mail_now" in request.POST
    if is_as_shown and announcing.change_and_tell(account, new, origin(request), mail_now=mail_now):
        messages.success(request, _stored(account, new))
        if affected.change.old.policy == Policy.DISABLED:
            messages.info(request, ASKED_AT_ONCE)
        return redirect("accounts:settings")
    account.refresh_from_db()
    new_preview = preview_of(account, _change(request, form))
    return _page(request, form, new_preview, changed=True)


def _stored(account: Account, new: AccountRule) -> str:
    if new.required_from:
        text = _(
            "Two-factor authentication is required for %(account)s from %(day)s on. Until then each sign-in "
            "offers to set it up."
        )
        return text % {"account": isolated(account.name), "day": in_words(new.required_from)}
    text = _("Two-factor authentication is now %(policy)s for %(account)s. It applies at each next sign-in.")
    return text % {"policy": rule_in_words(new), "account": isolated(account.name)}


def _must_enroll(request: SignedInRequest, change: Change) -> bool:
    """Whether this administrator would be stopped by what they are about to require of others."""
    return change.requires and change.effect_on(request.user.facts) in MUST_ENROLL


def _page(
    request: SignedInRequest, form: AccountSettingsForm, affected: Preview, *, changed: bool = False
) -> HttpResponse:
    readers_effect = affected.change.effect_on(request.user.facts)
    context: dict[str, Any] = {
        "account": request.user.account,
        "chosen": form.cleaned_data,
        "query": form.query,
        "old": rule_in_words(affected.change.old),
        "new": rule_in_words(affected.change.new),
        "groups": group_words(affected, readers_effect),
        "shown": affected.fingerprint,
        "was": as_text(affected.counts),
        "sentence": announcing.sentence(request.user.account, affected.change.new),
        "somebody_must": any(affected.counts[group] for group in MUST_ENROLL) and affected.change.requires,
        "mail_now": request.method != "POST" or "mail_now" in request.POST,
        "changed": what_changed(request.POST.get("was", "")[:WAS_LENGTH], affected) if changed else [],
        "asks_less": asks_less(affected.change.old, affected.change.new, affected.change.now),
        "new_is_disabled": affected.change.new.policy == Policy.DISABLED,
        "must_enroll": _must_enroll(request, affected.change),
        "can_enroll": request.user.effective.usable,
    }
    return render(request, "operators/policy/preview.html", context)


@require_safe
@administrators_only
def people(request: SignedInRequest, group: str) -> HttpResponse:
    form = AccountSettingsForm(request.GET)
    if not form.is_valid():
        return redirect("accounts:settings")
    try:
        rows = people_in(request.user.account, _change(request, form), group)
    except KeyError:
        raise Http404(_("There is no such group of operators.")) from None
    context = {
        "page": numbered_page(rows, request.GET.get("page")),
        "title": titles(_change(request, form))[group],
        "query": form.query,
        "new": rule_in_words(form.rule),
    }
    return render(request, "operators/policy/people.html", context)
