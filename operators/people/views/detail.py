"""The operator page: Main, Member of, Activity."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.access import needs_proof_to_post
from accounts.audit.search import entries_about, hide_what_is_others, own_entries, page_of
from accounts.audit.trail import origin
from accounts.http import SignedInRequest, data_of, require_get_or_post
from accounts.settings_page import rule_in_words
from accounts.text import isolated
from invitations import fresh_link
from invitations.models import Link
from operators import access
from operators.administrators import LastAdministratorError, last_administrator_message
from operators.groups.groups import set_groups
from operators.groups.sub_accounts import assign
from operators.models import Group, Operator, SubAccount
from operators.overrides.forms import OverrideForm, chosen_override
from operators.overrides.override import set_override
from operators.people.forms import MemberOfForm, SignInMethodForm
from operators.people.login_method import set_sign_in_method
from operators.reminders import reminding
from operators.signin import unprotected_sessions
from operators.status import next_sign_in


@require_safe
def main(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.visible(request.user, pk)
    fresh_link.TOKEN.forget(request.session)
    return _main_page(request, operator, _override_form(operator), _method_form(operator))


def _main_page(
    request: SignedInRequest, operator: Operator, override: OverrideForm, method: SignInMethodForm
) -> HttpResponse:
    head = _head(request, operator)
    context = {
        **head,
        "override_form": override,
        "method_form": method,
        "account_policy": rule_in_words(operator.account.rule.as_of(timezone.now())),
        "next_sign_in": _next_sign_in(request, operator),
        "why_not": next_sign_in.why_no_two_factor(operator, to_self=head["is_self"]),
        "invitation": _invitation(operator),
    }
    return render(request, "operators/people/detail.html", context)


def _head(request: SignedInRequest, operator: Operator) -> dict[str, Any]:
    return {"operator": operator, "is_self": operator.pk == request.user.pk}


def _next_sign_in(request: SignedInRequest, operator: Operator) -> str:
    if operator.pk == request.user.pk:
        return next_sign_in.your_next_sign_in(operator)
    return next_sign_in.next_sign_in(operator)


def _invitation(operator: Operator) -> dict[str, Any] | None:
    """The state of the newest invitation; None for an operator who has joined."""
    if not operator.is_invited:
        return None
    now = timezone.now()
    links = Link.objects.select_related("mail")
    link = links.filter(user=operator, purpose=Link.Purpose.INVITATION).first()
    return {
        "link": link,
        "live": bool(link and link.spent_at is None and link.expires_at > now),
        "wait": link.wait_seconds(now) if link else 0,
    }


def _override_form(operator: Operator, request: SignedInRequest | None = None) -> OverrideForm:
    """Without an override the account's policy is preselected."""
    account = operator.account
    initial = {
        "override": operator.override_in_force,
        "policy": operator.two_factor_override or account.two_factor_policy,
        "reason": operator.override_reason,
        "until": operator.override_last_day if operator.override_in_force else None,
    }
    return OverrideForm(data_of(request) if request else None, rule=account.rule, initial=initial)


def _method_form(operator: Operator, request: SignedInRequest | None = None) -> SignInMethodForm:
    return SignInMethodForm(
        data_of(request) if request else None, initial={"sign_in_method": operator.sign_in_method}
    )


@needs_proof_to_post
@require_POST
def override(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    form = _override_form(operator, request)
    if operator.is_single_sign_on or not form.is_valid():
        return _main_page(request, operator, form, _method_form(operator))
    by, chosen = origin(request), chosen_override(form.cleaned_data)
    if set_override(operator, chosen.policy, by, reason=chosen.reason, until=chosen.ends_at):
        messages.success(request, _("Saved. %(next)s") % {"next": _next_sign_in(request, operator)})
        _warn_of_sessions(request, operator)
    else:
        messages.info(request, _("Nothing changed: that was the setting already."))
    return redirect(operator)


def _warn_of_sessions(request: SignedInRequest, operator: Operator) -> None:
    if operator.pk == request.user.pk or not (number := unprotected_sessions.count_of(operator)):
        return
    text = ngettext(
        "%(number)d session of %(name)s was opened without it. End it with “End sessions” below.",
        "%(number)d sessions of %(name)s were opened without it. End them with “End sessions” below.",
        number,
    )
    messages.warning(request, text % {"number": number, "name": isolated(operator.name)})


@needs_proof_to_post
@require_POST
def sign_in_method(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.to_manage(request.user, pk)
    form = _method_form(operator, request)
    if operator.is_invited:
        messages.error(
            request, _("Withdraw the invitation first: an invited operator joins with a password.")
        )
    elif not form.is_valid():
        return _main_page(request, operator, _override_form(operator), form)
    else:
        _switch(request, operator, form.cleaned_data["sign_in_method"])
    return redirect(operator)


def _switch(request: SignedInRequest, operator: Operator, method: str) -> None:
    try:
        changed = set_sign_in_method(operator, method, origin(request))
    except LastAdministratorError:
        messages.error(request, last_administrator_message(operator))
        return
    if changed:
        messages.success(
            request, _("Saved. All sessions of %(name)s have ended.") % {"name": isolated(operator.name)}
        )
    else:
        messages.info(request, _("Nothing changed: that was the setting already."))


@needs_proof_to_post
@require_get_or_post
def member_of(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = (
        access.to_manage(request.user, pk) if request.method == "POST" else access.visible(request.user, pk)
    )
    form = MemberOfForm(
        data_of(request),
        account_id=operator.account_id,
        initial={"groups": operator.groups.all(), "sub_account": operator.sub_account_id},
    )
    if form.is_valid():
        _regroup(request, operator, form)
        return redirect("operators:member-of", pk=operator.pk)
    return render(request, "operators/people/member_of.html", {**_head(request, operator), "form": form})


def _regroup(request: SignedInRequest, operator: Operator, form: MemberOfForm) -> None:
    groups: list[Group] = list(form.cleaned_data["groups"])
    by = origin(request)
    try:
        changed = set_groups(operator, groups, by)
        moved = assign(operator, form.cleaned_data["sub_account"], by)
    except LastAdministratorError:
        messages.error(request, last_administrator_message(operator))
        return
    except (Group.DoesNotExist, SubAccount.DoesNotExist):
        messages.error(request, _("A group or sub account was deleted in the meantime. Look again and save."))
        return
    if moved or changed:
        messages.success(
            request, _("Saved what %(name)s is a member of.") % {"name": isolated(operator.name)}
        )
    else:
        messages.info(request, _("Nothing changed."))


@require_safe
def activity(request: SignedInRequest, pk: int) -> HttpResponse:
    operator = access.visible(request.user, pk)
    ids = (operator.account_id, operator.pk)
    if request.user.is_administrator:
        page = page_of(entries_about(*ids), request.GET)
    else:
        page = page_of(own_entries(*ids), request.GET)
        hide_what_is_others(operator.pk, page.entries)
    context = {**_head(request, operator), "page": page, "reminders": reminding.emails_to(operator)}
    return render(request, "operators/people/activity.html", context)
