"""By which means was a session made? No Django in here."""

from enum import StrEnum


class MadeBy(StrEnum):
    """By which means somebody came in. The audit trail has these words too; another door adds a line here."""

    PASSWORD = "password"  # noqa: S105  words
    SETUP_PUT_OFF = "password, set-up put off"
    TRUSTED_BROWSER = "password in a trusted browser"
    CODE = "password and code"
    RECOVERY_CODE = "password and recovery code"
    SETUP_LINK = "password and setup link"
    INVITATION = "invitation"
