"""What would a bulk action do, to how many, and who is left out? Counted by the database."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.policy import Policy
from operators.bulk_models import BulkAction, Reason
from operators.bulk_rules import OVERRIDES, judged
from operators.models import Group, Operator

Kind = BulkAction.Kind
FIRST_NAMES = 5
_CONSEQUENCES = {
    Kind.OVERRIDE_REQUIRED: _(
        "Each of them must use two-factor authentication from the next sign-in on, "
        "whatever the account's setting says."
    ),
    Kind.OVERRIDE_OPTIONAL: _(
        "Each of them may use two-factor authentication, even where the account requires it."
    ),
    Kind.OVERRIDE_DISABLED: _(
        "None of them is asked for a code any more. Authenticators that are set up are kept for later. "
        "Whoever typed a code until now is told by email."
    ),
    Kind.NO_OVERRIDE: _("The account's setting holds for each of them from the next sign-in on."),
    Kind.RESET: _(
        "Their authenticator apps stop working for good, all their sessions end, "
        "and an email tells each of them."
    ),
    Kind.SETUP_LINK: _(
        "Each of them gets an email with a setup link that works for one hour, with the password. "
        "Older links stop working."
    ),
    Kind.RESEND: _("Each of them gets a new invitation that works for 21 days. Older links stop working."),
    Kind.DEACTIVATE: _(
        "Each of them is signed out everywhere at once and cannot sign in until activated again."
    ),
    Kind.GROUP: _("Each of them becomes a member of the group."),
}
_WHILE_DISABLED = _(
    "Nothing changes for them while the account's setting is Disabled. It takes effect once that changes."
)


def consequence(kind: str, account: Account) -> str:
    """Return what an action means for those to whom it is done."""
    waits = kind in OVERRIDES and account.two_factor_policy == Policy.DISABLED
    return str(_WHILE_DISABLED if waits else _CONSEQUENCES[Kind(kind)])


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the operators: why they are left out ("" for those to whom it is done), how many, the first."""

    reason: str
    number: int
    first: list[Operator]

    @property
    def why(self) -> str:
        """The reason in words."""
        return str(Reason(self.reason).label)

    @property
    def more(self) -> int:
        """How many there are besides the first."""
        return self.number - len(self.first)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done."""

    acted_upon: Part
    left_out: list[Part]
    includes_you: bool


def preview(
    operators: QuerySet[Operator], kind: str, group: Group | None, account: Account, viewer: Operator
) -> Preview:
    """Count, by the same condition that chooses when it is confirmed; loads the first names only."""
    rows = judged(operators, kind, group, account, viewer.pk)
    counts = dict(rows.order_by().values_list("left_out").annotate(number=Count("pk")))
    parts = {reason: _part(rows, reason, number) for reason, number in counts.items()}
    acted_upon = parts.pop("", Part("", 0, []))
    return Preview(
        acted_upon,
        sorted(parts.values(), key=lambda part: -part.number),
        includes_you=rows.filter(pk=viewer.pk, left_out="").exists(),
    )


def _part(rows: QuerySet[Any], reason: str, number: int) -> Part:
    """Return some of the operators with the first by name."""
    first = rows.filter(left_out=reason).order_by("name_key", "pk")
    return Part(reason, number, list(first[:FIRST_NAMES]))
