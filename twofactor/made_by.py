"""By which means was a session made, and is that enough today? No Django in here."""

from enum import StrEnum

from accounts.policy import Effective


class MadeBy(StrEnum):
    """By which means somebody came in. The audit trail has these words too; another door adds a line here."""

    PASSWORD = "password"  # noqa: S105  words
    SETUP_PUT_OFF = "password, set-up put off"
    TRUSTED_BROWSER = "password in a trusted browser"
    CODE = "password and code"
    RECOVERY_CODE = "password and recovery code"
    SETUP_LINK = "password and setup link"
    INVITATION = "invitation"


# These are never asked for the code afterwards.
STAND_IN_FOR_A_CODE = (MadeBy.TRUSTED_BROWSER,)


def code_is_missing(made_by: str, effective: Effective, *, code_given: bool, enrolled: bool) -> bool:
    """`made_by` is "" for a session from before it was noted."""
    return enrolled and not code_given and effective.usable and made_by not in STAND_IN_FOR_A_CODE
