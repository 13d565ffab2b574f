"""Stores an operator's own policy in place of the account's."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.audit.search import REASON_AFTER
from accounts.audit.trail import Origin, record
from accounts.models import POLICY_LABELS, Action
from accounts.policy import Effective, Override, Policy, effective_policy
from invitations.ledger import LinkRecord
from invitations.models import Link
from operators import emails
from operators.models import Operator
from operators.rules.next_step import NextStep, next_step


def set_override(
    operator: Operator, override: str, by: Origin, *, reason: str = "", until: datetime | None = None
) -> bool:
    """Store the override ("" for none), which applies at the next login; return False if nothing changed.

    A setup link ends if the operator's policy changes; otherwise what its email says is still true.
    """
    new = override_fields(override, by, reason=reason, until=until)
    chosen = {name: new[name] for name in ("two_factor_override", "override_reason", "override_until")}
    with transaction.atomic():
        Link.hold(operator)
        # Locked, so that the old value in the audit trail is the one replaced.
        stored = Operator.objects.select_for_update(no_key=True).filter(pk=operator.pk).only(*chosen).first()
        if stored is None or not Operator.objects.filter(pk=operator.pk).exclude(**chosen).update(**new):
            return False
        if override == Policy.DISABLED:
            operator.end_trust()  # no codes from now on: a trusted browser must not count again later
        old, before = in_words(stored), _effective_under(operator, stored.override)
        for field, value in new.items():
            setattr(operator, field, value)
        after = _effective_under(operator, operator.override)
        if (after.policy, after.starts_at) != (before.policy, before.starts_at):
            Link.kill(operator, Link.Purpose.SETUP, end=LinkRecord.End.CHANGED)
        record(Action.OVERRIDE, by=by, subject=operator, old=old, new=in_words(operator))
        if _login_takes_a_code(operator, before) and not _login_takes_a_code(operator, after):
            emails.tell_operator(operator, emails.CODE_IS_OFF, by)
            emails.tell_other_administrators(operator, emails.ADMINISTRATOR_CODE_IS_OFF, by)
    return True


def _effective_under(operator: Operator, override: Override) -> Effective:
    rule, single_sign_on = operator.account.rule, operator.is_single_sign_on
    return effective_policy(rule, override, single_sign_on=single_sign_on, now=timezone.now())


def _login_takes_a_code(operator: Operator, effective: Effective) -> bool:
    step = next_step(effective, enrolled=operator.is_enrolled)
    return operator.is_active and step is NextStep.CODE


def override_fields(
    override: str, by: Origin, *, reason: str = "", until: datetime | None = None
) -> dict[str, Any]:
    return {
        "two_factor_override": override,
        "override_reason": reason if override else "",
        "override_until": until if override else None,
        "override_by": by.who if override else "",
        "override_at": timezone.now() if override else None,
    }


def in_words(operator: Operator) -> str:
    """For the audit trail; empty without an override."""
    override = operator.two_factor_override
    words = str(POLICY_LABELS.get(override, override))
    if operator.override_last_day:
        words = _("%(policy)s until %(day)s") % {
            "policy": words,
            "day": date_format(operator.override_last_day, "DATE_FORMAT"),
        }
    return REASON_AFTER.join(filter(None, (words, operator.override_reason)))
