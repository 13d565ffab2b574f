"""Why an operator's two-factor status is what it is, and what comes next: in words, for pages and exports."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.days import announced_day
from accounts.masking import mask
from accounts.policy import Effective, Policy, Source
from operators.models import Operator
from operators.status import next_sign_in

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

ADDRESS = "%(address)s"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Parts of a sentence. Why there is an override, and whose, is said on the login options card."""

    policy: str
    state: str
    next_event: str

    @property
    def sentence(self) -> str:
        return "; ".join(part for part in (self.policy, self.state, self.next_event) if part)

    @property
    def beside_the_status(self) -> str:
        """Without the state, which the badge above names already."""
        return f"{self.policy}; {self.next_event}"


_BY_ACCOUNT: dict[Policy | None, "_StrPromise"] = {
    Policy.REQUIRED: gettext_lazy("Required by the account"),
    Policy.OPTIONAL: gettext_lazy("Optional by the account"),
    Policy.DISABLED: gettext_lazy("Disabled by the account"),
}
_BY_OVERRIDE: dict[Policy | None, "_StrPromise"] = {
    Policy.REQUIRED: gettext_lazy("Required by an override"),
    Policy.OPTIONAL: gettext_lazy("Optional by an override"),
    Policy.DISABLED: gettext_lazy("Disabled by an override"),
}
_BY_OVERRIDE_UNTIL: dict[Policy | None, "_StrPromise"] = {
    Policy.REQUIRED: gettext_lazy("Required by an override until %(until)s"),
    Policy.OPTIONAL: gettext_lazy("Optional by an override until %(until)s"),
    Policy.DISABLED: gettext_lazy("Disabled by an override until %(until)s"),
}


def explain(operator: Operator) -> Explanation:
    explanation = explain_without_address(operator)
    return replace(explanation, next_event=with_address(explanation.next_event, operator.email))


def with_address(text: str, email: str) -> str:
    return text.replace(ADDRESS, mask(email)) if ADDRESS in text else text


def explain_without_address(operator: Operator) -> Explanation:
    """ADDRESS stands for the address, so that all operators alike to the rules share one explanation."""
    effective = operator.effective
    return Explanation(
        policy=_policy(operator, effective),
        state=_state(operator, effective),
        next_event=next_sign_in.next_in_short(operator, effective),
    )


def _policy(operator: Operator, effective: Effective) -> str:
    if effective.policy is None:
        return _("Does not apply: single sign-on")
    if effective.source is Source.ACCOUNT_DISABLED:
        return _("Disabled for the whole account")
    if effective.by_override:
        until = operator.override_last_day
        table = _BY_OVERRIDE_UNTIL if until else _BY_OVERRIDE
        return table[effective.policy] % {"until": date_format(until, "DATE_FORMAT") if until else ""}
    if effective.starts_at:
        return _("Required by the account from %(day)s on") % {"day": announced_day(effective)}
    return str(_BY_ACCOUNT[effective.policy])


def _state(operator: Operator, effective: Effective) -> str:
    """Empty for single sign-on, where there is nothing to set up."""
    if operator.is_invited:
        return _("invited")
    if not operator.is_active:
        return _("deactivated")
    if operator.frozen_at:
        return _("frozen")
    return _enrolled(operator, effective) if operator.is_enrolled else _not_enrolled(operator, effective)


def _enrolled(operator: Operator, effective: Effective) -> str:
    if not effective.usable:
        return _("the authenticator is kept and not asked for")
    return _("locked") if operator.is_locked else _("set up")


def _not_enrolled(operator: Operator, effective: Effective) -> str:
    if effective.policy is None:
        return ""
    if effective.usable and operator.has_live_setup_link:
        return _("not set up, a setup link is out")
    return _("not set up")
