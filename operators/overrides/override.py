"""An operator's own policy in place of the account's, and the operator's sign-in method."""

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
from operators.administrators import keep_an_administrator
from operators.models import Operator
from operators.rules.next_step import NextStep, next_step


def set_override(
    operator: Operator, override: str, by: Origin, *, reason: str = "", until: datetime | None = None
) -> bool:
    """Store the override ("" for none), why, and when it ends by itself; return whether anything differs.

    Applies at the next sign-in. An unspent setup link dies where something else is asked from now on; where
    the override asks what was asked anyway, what its email says is still true.
    """
    new = override_fields(override, by, reason=reason, until=until)
    given = {name: new[name] for name in ("two_factor_override", "override_reason", "override_until")}
    with transaction.atomic():
        Link.hold(operator)
        # Held until the end: what the trail calls the old value is the one that this one replaces.
        stored = Operator.objects.select_for_update(no_key=True).filter(pk=operator.pk).only(*given).first()
        if stored is None or not Operator.objects.filter(pk=operator.pk).exclude(**given).update(**new):
            return False
        if override == Policy.DISABLED:
            operator.end_trust()  # no code is asked for from now on: what stood in for one does not come back
        old, before = in_words(stored), _under(operator, stored.override)
        for field, value in new.items():
            setattr(operator, field, value)
        after = _under(operator, operator.override)
        if (after.policy, after.starts_at) != (before.policy, before.starts_at):
            Link.kill(operator, Link.Purpose.SETUP, end=LinkRecord.End.CHANGED)
        record(Action.OVERRIDE, by=by, subject=operator, old=old, new=in_words(operator))
        if _takes_a_code(operator, before) and not _takes_a_code(operator, after):
            emails.tell_operator(operator, emails.CODE_IS_OFF, by)
            emails.tell_other_administrators(operator, emails.ADMINISTRATOR_CODE_IS_OFF, by)
    return True


def _under(operator: Operator, override: Override) -> Effective:
    rule, single_sign_on = operator.account.rule, operator.is_single_sign_on
    return effective_policy(rule, override, single_sign_on=single_sign_on, now=timezone.now())


def _takes_a_code(operator: Operator, effective: Effective) -> bool:
    """Whether the operator's login asks for a code under this policy; the decision is that of sign-in."""
    step = next_step(effective, enrolled=operator.is_enrolled)
    return operator.is_active and step is NextStep.CODE


def override_fields(
    override: str, by: Origin, *, reason: str = "", until: datetime | None = None
) -> dict[str, Any]:
    """Return what the row of an operator holds about an override; nothing where there is none."""
    return {
        "two_factor_override": override,
        "override_reason": reason if override else "",
        "override_until": until if override else None,
        "override_by": by.who if override else "",
        "override_at": timezone.now() if override else None,
    }


def in_words(operator: Operator) -> str:
    """Return an operator's override for the audit trail: the policy, its last day, and why; "" for none."""
    override = operator.two_factor_override
    words = str(POLICY_LABELS.get(override, override))
    if operator.override_last_day:
        words = _("%(policy)s until %(day)s") % {
            "policy": words,
            "day": date_format(operator.override_last_day, "DATE_FORMAT"),
        }
    return REASON_AFTER.join(filter(None, (words, operator.override_reason)))


def set_sign_in_method(operator: Operator, method: str, by: Origin) -> bool:
    """Store by which door the operator comes in; return whether it differs from before.

    Ends the operator's sessions and links. Raises LastAdministratorError.
    """
    with keep_an_administrator(operator.account):
        old = operator.sign_in_method
        if (
            not Operator.objects.filter(pk=operator.pk)
            .exclude(sign_in_method=method)
            .update(sign_in_method=method)
        ):
            return False
        operator.sign_in_method = method
        operator.renew_session_nonce()
        labels = dict(Operator.SignInMethod.choices)
        words = (str(labels[old]), str(labels[method]))
        record(Action.SIGN_IN_METHOD, by=by, subject=operator, old=words[0], new=words[1])
        emails.tell_operator(operator, emails.LOGIN_METHOD_WAS_CHANGED, by, old=words[0], new=words[1])
    return True
