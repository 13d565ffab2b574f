"""What is an operator's two-factor status, in a word? Pure; the list, the filters and the pages ask here."""

from enum import StrEnum

from accounts.policy import Effective, Policy


class Status(StrEnum):
    """The status column of the operators list."""

    PROTECTED = "protected"
    REQUIRED = "required-not-set-up"
    OPTIONAL = "optional-not-set-up"
    DISABLED = "disabled"
    SINGLE_SIGN_ON = "single-sign-on"
    INVITED = "invited"
    DEACTIVATED = "deactivated"


def status_of(effective: Effective, *, enrolled: bool, invited: bool, active: bool) -> Status:
    """Return the status; what keeps an operator from signing in at all comes first."""
    if invited:
        return Status.INVITED
    if not active:
        return Status.DEACTIVATED
    if effective.policy is None:
        return Status.SINGLE_SIGN_ON
    if effective.policy is Policy.DISABLED:
        return Status.DISABLED
    if enrolled:
        return Status.PROTECTED
    return Status.REQUIRED if effective.required else Status.OPTIONAL
