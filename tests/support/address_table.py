"""The table of addresses, and whom each is for. Tests walk it, so that a new page cannot be forgotten."""

import uuid

from django.urls import get_resolver, reverse
from django.utils import timezone

from operators.models import Group, SubAccount
from operators.models.bulk import BulkAction
from operators.models.reminder_run import ReminderRun
from tests.support.factories import make_operator

LOGIN = reverse("operators:login")
APPS = ("accounts", "operators", "invitations", "twofactor")


# Each of these is open to people who are not signed in; everything else leads to the sign-in page.
OPEN_TO_STRANGERS = {
    "operators:login",
    "operators:offer",
    "operators:logout",
    "operators:password-reset",
    "operators:password-reset-sent",
    "operators:password-reset-link",
    "operators:password-reset-choose",
    "operators:email-link",
    "operators:email-confirm",
    "invitations:check-email",
    "invitations:send-again",
    "invitations:setup-link",
    "invitations:setup",
    "invitations:setup-password",
    "invitations:invitation-link",
    "invitations:accept",
    "invitations:accept-two-factor",
    "invitations:accept-log-out",
    "twofactor:verify",
    "twofactor:recover",
    "operators:not-me",
}


ADMINISTRATORS_ONLY = {
    "accounts:settings",
    "accounts:trusted-browsers",
    "accounts:audit-log",
    "accounts:audit-export",
    "accounts:policy-export",
    "operators:end-unprotected",
    "operators:exceptions",
    "operators:exceptions-export",
    "operators:reminders",
    "operators:reminders-send",
    "operators:reminders-stop",
    "operators:reminders-schedule",
    "operators:policy-preview",
    "operators:policy-preview-people",
    "operators:list",
    "operators:export",
    "operators:links",
    "operators:links-export",
    "operators:overview",
    "operators:groups",
    "operators:group-add",
    "operators:group",
    "operators:group-delete",
    "operators:sub-accounts",
    "operators:sub-account-add",
    "operators:sub-account",
    "operators:sub-account-delete",
    "operators:add",
    "operators:invite",
    "operators:create",
    "operators:invite-many",
    "operators:invite-many-confirm",
    "operators:invite-many-errors",
    "operators:bulk",
    "operators:bulk-actions",
    "operators:bulk-action",
    "operators:bulk-cancel",
    "operators:bulk-export",
}


# Pages about oneself that only administrators may use.
MANAGING = {
    "operators:override",
    "operators:sign-in-method",
    "operators:activate",
    "operators:free",
    "operators:deactivate",
    "operators:end-sessions",
    "operators:delete",
    "operators:invitation-resend",
    "operators:setup-link-send",
    "operators:setup-link-copy",
    "operators:setup-link-withdraw",
    "operators:invitation-copy",
    "operators:invitation-withdraw",
}


POST_ONLY = {
    "twofactor:recovery-codes-download",
    "operators:bulk-export",
    "operators:exceptions-export",
    "operators:links-export",
    "accounts:audit-export",
    "operators:logout",
    "operators:override",
    "operators:sign-in-method",
    "operators:bulk-cancel",
    "operators:invite-many-confirm",
    "operators:invite-many-errors",
    "operators:free",
    "operators:invitation-resend",
    "operators:setup-link-send",
    "operators:setup-link-withdraw",
    "twofactor:recovery-codes-new",
    "operators:session-end",
    "operators:sessions-end-others",
    "operators:trusted-remove",
    "operators:trusted-remove-all",
    "accounts:trusted-browsers",
    "accounts:policy-export",
    "operators:export",
    "operators:reminders-send",
    "operators:reminders-stop",
    "operators:reminders-schedule",
    "invitations:send-again",
    "invitations:accept-log-out",
}


READ_ONLY = {
    "operators:policy-preview-people",
    "accounts:audit-log",
    "operators:home",
    "operators:sessions",
    "operators:list",
    "operators:links",
    "operators:overview",
    "operators:exceptions",
    "operators:reminders",
    "operators:bulk-actions",
    "operators:bulk-action",
    "operators:groups",
    "operators:sub-accounts",
    "operators:add",
    "operators:detail",
    "operators:activity",
    "operators:password-reset-sent",
    "operators:password-reset-link",
    "operators:email-link",
    "invitations:check-email",
    "invitations:setup-link",
    "invitations:invitation-link",
    "twofactor:recovery-reminder",
}


def table() -> dict[str, list[str]]:
    """Return every name with the names of its arguments."""
    found = {}
    for namespace, (_prefix, resolver) in get_resolver().namespace_dict.items():
        for name in (key for key in resolver.reverse_dict if isinstance(key, str)):
            (_pattern, arguments), *_others = resolver.reverse_dict.getlist(name)[0][0]
            found[f"{namespace}:{name}"] = arguments
    return found


TABLE = table()
NUMBERED = sorted(name for name, arguments in TABLE.items() if arguments == ["pk"])
ABOUT_OPERATORS = [name for name in NUMBERED if name not in ADMINISTRATORS_ONLY]
WRITING = sorted(set(TABLE) - READ_ONLY)


def url_of(name: str, pk: int = 1) -> str:
    values = {"pk": pk, "token": "token", "group": "protected", "public_id": uuid.UUID(int=pk)}
    return reverse(name, kwargs={key: values[key] for key in TABLE[name]})


def number_in(name: str, account) -> int:
    """Return the number of something of the account that the address can be about."""
    if "sub-account" in name:
        return SubAccount.objects.create(account=account, name="Berlin").pk
    if "bulk" in name:
        now = timezone.now()
        fields = {"key": uuid.uuid4(), "kind": BulkAction.Kind.RESET, "created_at": now, "alive_at": now}
        return BulkAction.objects.create(account=account, **fields).pk
    if "operators:group" in name:
        return Group.objects.create(account=account, name="Night shift").pk
    if "reminders" in name:
        return ReminderRun.objects.create(account=account, to_optional=False, total=1).pk
    return make_operator(account).pk
