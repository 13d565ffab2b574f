"""What a correct password leads to. Pure: no Django in here."""

from enum import StrEnum

from accounts.policy import Effective, Policy


class NextStep(StrEnum):
    SIGNED_IN = "signed in"
    TRUSTED = "signed in without the code, in a trusted browser"
    CODE = "code"
    SETUP_LINK = "setup link"
    OFFER = "the offer of a setup link, as it will be required soon"
    REFUSED = "refused"


def next_step(effective: Effective, *, enrolled: bool, trusted: bool = False) -> NextStep:
    """A trusted browser stands in for the code of an enrolled operator, and for nothing else."""
    if effective.policy is None:  # single sign-on: no login by password
        return NextStep.REFUSED
    if effective.policy is Policy.DISABLED:
        return NextStep.SIGNED_IN
    if enrolled:
        return NextStep.TRUSTED if trusted else NextStep.CODE
    if effective.announced:
        return NextStep.OFFER
    return NextStep.SETUP_LINK if effective.required else NextStep.SIGNED_IN
