"""The two-factor status of an operator, as the list, its filters and every page show it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.policy import AccountRule, Effective, Override, Policy, effective_policy, is_exception


class Status(StrEnum):
    PROTECTED = "protected"
    REQUIRED = "required-not-set-up"
    OPTIONAL = "optional-not-set-up"
    DISABLED = "disabled"
    SINGLE_SIGN_ON = "single-sign-on"
    INVITED = "invited"
    LOCKED = "locked"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules ask about an operator. `frozen`: nobody can log in; `locked`: no code is checked."""

    invited: bool
    active: bool
    frozen: bool
    single_sign_on: bool
    enrolled: bool
    locked: bool
    override: Override

    def effective(self, account: AccountRule, now: datetime) -> Effective:
        return effective_policy(account, self.override, single_sign_on=self.single_sign_on, now=now)

    def is_exception(self, account: AccountRule, now: datetime) -> bool:
        return is_exception(account, self.override, now, single_sign_on=self.single_sign_on)


def status_of(facts: Facts, effective: Effective) -> Status:
    """What keeps an operator from logging in at all comes first."""
    if facts.invited:
        return Status.INVITED
    if not facts.active:
        return Status.DEACTIVATED
    if facts.frozen:
        return Status.LOCKED
    return _by_policy(facts, effective)


def _by_policy(facts: Facts, effective: Effective) -> Status:
    if effective.policy is None:
        return Status.SINGLE_SIGN_ON
    if effective.policy is Policy.DISABLED:
        return Status.DISABLED
    if facts.enrolled:
        return Status.LOCKED if facts.locked else Status.PROTECTED
    return Status.REQUIRED if effective.policy is Policy.REQUIRED else Status.OPTIONAL
