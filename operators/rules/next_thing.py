"""What an account should do next about its protection, the most urgent first. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from accounts.policy import Policy

MOST = 80  # per cent protected: from here an Optional policy is worth raising


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the overview counts. `self_open`: the reader can set it up and hasn't."""

    self_open: bool = False
    administrators_open: int = 0
    locked: int = 0
    one_phone: bool = False
    failed_mails: int = 0
    required: int = 0
    expired_invitations: int = 0
    optional: int = 0
    policy: str = Policy.REQUIRED
    percent: int | None = None


class NextThing(StrEnum):
    PROTECT_YOURSELF = "protect yourself"
    ADMINISTRATORS = "administrators"
    LOCKED = "locked"
    ONE_PHONE = "one phone"
    MAILS = "mails"
    REQUIRED = "required"
    INVITATIONS = "invitations"
    RAISE_POLICY = "raise policy"
    REMIND = "remind"
    ALLOW = "allow"
    NOTHING = "nothing"


def next_thing(numbers: Numbers) -> NextThing:
    may = numbers.policy == Policy.OPTIONAL
    mostly = may and (numbers.percent or 0) >= MOST
    nobody_may = numbers.policy == Policy.DISABLED and numbers.percent is not None
    order = (
        (NextThing.PROTECT_YOURSELF, numbers.self_open),
        (NextThing.ADMINISTRATORS, numbers.administrators_open),
        (NextThing.LOCKED, numbers.locked),
        (NextThing.ONE_PHONE, numbers.one_phone),
        (NextThing.MAILS, numbers.failed_mails),
        (NextThing.REQUIRED, numbers.required),
        (NextThing.INVITATIONS, numbers.expired_invitations),
        (NextThing.RAISE_POLICY, mostly),
        (NextThing.REMIND, may and numbers.optional),
        (NextThing.ALLOW, nobody_may),
    )
    return next((thing for thing, applies in order if applies), NextThing.NOTHING)
