"""Which two-factor policy holds for one operator, and why? The one place that answers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Policy(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    DISABLED = "disabled"


# How much each asks of an operator; None, which no policy is, stands where none applies.
WEAKEST_FIRST = (None, Policy.DISABLED, Policy.OPTIONAL, Policy.REQUIRED)


class Source(StrEnum):
    ACCOUNT = "account"
    OVERRIDE = "override"
    ACCOUNT_DISABLED = "account disabled"
    SINGLE_SIGN_ON = "single sign-on"


@dataclass(frozen=True, slots=True)
class AccountRule:
    """What an account has set: a policy, and from when on Required counts (None: at once)."""

    policy: str
    required_from: datetime | None = None

    def as_of(self, now: datetime) -> "AccountRule":
        return AccountRule(self.policy, _still_to_come(self, now))


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's own policy ("": none), and the moment from which it counts no more (None: it stays)."""

    policy: str = ""
    until: datetime | None = None

    def at(self, now: datetime) -> str:
        return self.policy if self.until is None or now < self.until else ""


@dataclass(frozen=True, slots=True)
class Effective:
    """The policy in force (None: two-factor authentication does not apply) and its source.

    `starts_at` is set while a Required is announced and does not count yet: until that moment set-up is
    offered at every sign-in, and nobody is kept out.
    """

    policy: Policy | None
    source: Source
    starts_at: datetime | None = None

    @property
    def required(self) -> bool:
        return self.policy is Policy.REQUIRED and self.starts_at is None

    @property
    def announced(self) -> bool:
        return self.starts_at is not None

    @property
    def by_override(self) -> bool:
        return self.source is Source.OVERRIDE

    @property
    def usable(self) -> bool:
        return self.policy in (Policy.REQUIRED, Policy.OPTIONAL)


def effective_policy(
    account: AccountRule, override: Override, *, single_sign_on: bool, now: datetime
) -> Effective:
    """Return what holds at that moment for an operator with this override in an account with this rule.

    Values that are no policy count as Required, so that a damaged row never opens a door. The day from which
    Required counts is the account's: an override is meant for one operator, and holds at once.
    """
    if single_sign_on:
        return Effective(None, Source.SINGLE_SIGN_ON)
    policy, own = _read(account.policy), override.at(now)
    if policy is Policy.DISABLED:
        return Effective(Policy.DISABLED, Source.ACCOUNT_DISABLED if own else Source.ACCOUNT)
    if own:
        return Effective(_read(own), Source.OVERRIDE)
    return Effective(policy, Source.ACCOUNT, _still_to_come(account, now))


def is_exception(
    account: AccountRule, override: Override, now: datetime, *, single_sign_on: bool = False
) -> bool:
    """Return whether the override asks less of an operator, at that moment, than the account asks of others.

    An override that has ended or has no effect is none; that the account's Required is only announced
    makes no difference.
    """
    own = effective_policy(account, override, single_sign_on=single_sign_on, now=now)
    others = effective_policy(account, Override(), single_sign_on=single_sign_on, now=now)
    return own.by_override and WEAKEST_FIRST.index(own.policy) < WEAKEST_FIRST.index(others.policy)


def asks_less(old: AccountRule, new: AccountRule, now: datetime) -> bool:
    """A later day for the same policy counts as less."""
    return _strength(new, now) < _strength(old, now)


def _strength(rule: AccountRule, now: datetime) -> tuple[int, float]:
    """Of two days the earlier one asks for more."""
    effective = effective_policy(rule, Override(), single_sign_on=False, now=now)
    starts_at = effective.starts_at.timestamp() if effective.starts_at else 0
    return WEAKEST_FIRST.index(effective.policy), -starts_at


def _still_to_come(account: AccountRule, now: datetime) -> datetime | None:
    if account.policy == Policy.REQUIRED and account.required_from and now < account.required_from:
        return account.required_from
    return None


def _read(value: str) -> Policy:
    """What is no policy counts as Required."""
    try:
        return Policy(value)
    except ValueError:
        return Policy.REQUIRED
