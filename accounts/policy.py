"""Which two-factor policy holds for one operator, and why? The one place that answers."""

from dataclasses import dataclass
from enum import StrEnum


class Policy(StrEnum):
    """Whether two-factor authentication must, may or cannot be used."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    DISABLED = "disabled"


class Source(StrEnum):
    """Where an effective policy comes from."""

    ACCOUNT = "account"
    OVERRIDE = "override"
    ACCOUNT_DISABLED = "account disabled"
    SINGLE_SIGN_ON = "single sign-on"


@dataclass(frozen=True, slots=True)
class Effective:
    """The policy in force (None: two-factor authentication does not apply) and its source."""

    policy: Policy | None
    source: Source

    @property
    def required(self) -> bool:
        """Whether a sign-in without a second factor is out of the question."""
        return self.policy is Policy.REQUIRED

    @property
    def by_override(self) -> bool:
        """Whether an administrator has decided so for this one operator."""
        return self.source is Source.OVERRIDE

    @property
    def usable(self) -> bool:
        """Whether an authenticator may be set up and is asked for."""
        return self.policy in (Policy.REQUIRED, Policy.OPTIONAL)


def effective_policy(account_setting: str, override: str, *, single_sign_on: bool) -> Effective:
    """Return what holds for an operator with this override ("" for none) in an account with this setting.

    Values that are no policy count as Required, so that a damaged row never opens a door.
    """
    if single_sign_on:
        return Effective(None, Source.SINGLE_SIGN_ON)
    account = _read(account_setting)
    if account is Policy.DISABLED:
        return Effective(Policy.DISABLED, Source.ACCOUNT_DISABLED if override else Source.ACCOUNT)
    if override:
        return Effective(_read(override), Source.OVERRIDE)
    return Effective(account, Source.ACCOUNT)


def _read(value: str) -> Policy:
    """Return the policy of that name, Required where there is none."""
    try:
        return Policy(value)
    except ValueError:
        return Policy.REQUIRED
