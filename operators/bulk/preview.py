"""What would a bulk action do, to how many, and who is left out? Counted by the database."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Account
from accounts.policy import Policy
from operators.bulk.acts import OVERRIDES, with_reason_left_out
from operators.models import Operator
from operators.models.bulk import BulkAction, Reason
from operators.rules.fingerprint import fingerprint

Kind = BulkAction.Kind
FIRST_NAMES = 5
# Up to so many people a preview knows one by one, and can say who has come or gone.
NAMED = 100
NUMBERS_AT_ONCE = 10_000  # of operators, in memory while all of them are read
_CONSEQUENCES = {
    Kind.OVERRIDE_REQUIRED: gettext_lazy(
        "Each of them must use two-factor authentication from the next sign-in on, "
        "whatever the account's setting says."
    ),
    Kind.OVERRIDE_OPTIONAL: gettext_lazy(
        "Each of them may use two-factor authentication, even where the account requires it."
    ),
    Kind.OVERRIDE_DISABLED: gettext_lazy(
        "From now on none of them is asked for a code. Authenticators that are set up are kept for later. "
        "Everybody who typed a code until now is told by email."
    ),
    Kind.NO_OVERRIDE: gettext_lazy("The account's setting holds for each of them from the next sign-in on."),
    Kind.RESET: gettext_lazy(
        "Their authenticator apps stop working for good, all their sessions end, "
        "and an email tells each of them."
    ),
    Kind.SETUP_LINK: gettext_lazy(
        "Each of them gets an email with a setup link that works for one hour, with the password. "
        "Older links stop working."
    ),
    Kind.RESEND: gettext_lazy(
        "Each of them gets a new invitation that works for 21 days. Older links stop working."
    ),
    Kind.DEACTIVATE: gettext_lazy(
        "Each of them is signed out everywhere at once and cannot sign in until activated again."
    ),
    Kind.GROUP: gettext_lazy("Each of them becomes a member of the group."),
}
_WHILE_DISABLED = gettext_lazy(
    "Nothing changes for them while the account's setting is Disabled. It takes effect once that changes."
)


def consequence(kind: str, account: Account) -> str:
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
        return str(Reason(self.reason).label)

    @property
    def more(self) -> int:
        return self.number - len(self.first)


@dataclass(frozen=True, slots=True)
class Preview:
    acted_upon: Part
    left_out: list[Part]
    includes_you: bool
    # For what is done and to whom; and the numbers of these, where they are few enough to be told by name.
    word: str
    numbers: frozenset[int]


def word_for(action: BulkAction, numbers: Iterable[int | None]) -> str:
    """Return a word for what is done, under which setting, and to whom (numbers, ascending)."""
    return fingerprint([action.kind, action.group_id, action.account.two_factor_policy], numbers)


def preview(operators: QuerySet[Operator], action: BulkAction) -> Preview:
    """Count, by the same condition that chooses when it is confirmed; loads the first names only."""
    rows = with_reason_left_out(operators, action)
    counts, numbers = Counter[str](), list[int]()
    word = word_for(action, _counted(rows, counts, numbers))
    parts = {reason: _part(rows, reason, number) for reason, number in counts.items()}
    acted_upon = parts.pop("", Part("", 0, []))
    return Preview(
        acted_upon,
        sorted(parts.values(), key=lambda part: -part.number),
        includes_you=rows.filter(pk=action.asked_by_id, left_out="").exists(),
        word=word,
        numbers=frozenset(numbers if len(numbers) <= NAMED else ()),
    )


def _counted(rows: QuerySet[Any], counts: Counter[str], first: list[int]) -> Iterator[int]:
    """Return the numbers of those to whom it is done, while all are counted and the first of these kept."""
    for pk, left_out in rows.order_by("pk").values_list("pk", "left_out").iterator(NUMBERS_AT_ONCE):
        counts[left_out] += 1
        if not left_out:
            if len(first) <= NAMED:
                first.append(pk)
            yield pk


def what_changed(before: Collection[int], counted: int | None, found: Preview, account: Account) -> str:
    """Return what differs from the preview before: who, by name, where there were few; otherwise how many.

    `before` is who was in it, empty where they were many; `counted` how many.
    """
    if before and found.numbers:
        come, gone = found.numbers - frozenset(before), frozenset(before) - found.numbers
        lists = ((_("New: %s."), come), (_("No longer among them: %s."), gone))
        return " ".join(words % _names(account, numbers) for words, numbers in lists if numbers)
    words = {"then": counted, "now": found.acted_upon.number}
    if counted != found.acted_upon.number:
        return _("Operators: %(then)d before, %(now)d now.") % words
    return _("Operators: %(now)d as before, but not the same ones.") % words


def _names(account: Account, numbers: Collection[int]) -> str:
    found = Operator.objects.filter(account=account, pk__in=numbers).order_by("name_key", "pk")
    names = [str(one) for one in found]
    if missing := len(numbers) - len(names):
        deleted = ngettext("%d operator who is deleted", "%d operators who are deleted", missing)
        names.append(deleted % missing)
    return ", ".join(names)


def _part(rows: QuerySet[Any], reason: str, number: int) -> Part:
    first = rows.filter(left_out=reason).order_by("name_key", "pk")
    return Part(reason, number, list(first[:FIRST_NAMES]))
