"""Exceptions from the account's policy, for the page and its CSV."""

from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.filters import FilterField
from accounts.models import POLICY_LABELS, Account
from accounts.policy import is_exception
from accounts.spreadsheet import Column
from operators.lists.filters import PersonFilters
from operators.lists.paging import numbered_page
from operators.lists.tables import Orders, Table, known
from operators.models import Operator
from operators.status.query import rows_where

SOON = timedelta(days=30)
WITHOUT_REASON, ENDING, ENDED = "without-reason", "ending", "ended"
SHOWN = [
    ("", gettext_lazy("In force")),
    (WITHOUT_REASON, gettext_lazy("Without reason")),
    (ENDING, gettext_lazy("Ending within 30 days")),
    (ENDED, gettext_lazy("Ended")),
]


def excepted(account: Account) -> QuerySet[Operator]:
    """Operators whose override is weaker than the account's policy, in force or ended."""
    now = timezone.now()
    below = rows_where(
        lambda facts: is_exception(account.rule, facts.override, now, single_sign_on=facts.single_sign_on),
        now,
        also_ended=True,
    )
    rows = Operator.objects.filter(below, account=account).exclude(two_factor_override="")
    operators: QuerySet[Operator] = rows.select_related("account")
    return operators


def counts(account: Account) -> dict[str, int]:
    counted: dict[str, int] = excepted(account).aggregate(
        in_force=Count("pk", filter=_in_force()),
        without_reason=Count("pk", filter=_shown(WITHOUT_REASON)),
        ending=Count("pk", filter=_shown(ENDING)),
        ended=Count("pk", filter=_shown(ENDED)),
    )
    return counted


def _in_force() -> Q:
    return Q(override_until=None) | Q(override_until__gt=timezone.now())


def _shown(kind: str) -> Q:
    """The exceptions of a kind; without one, those in force."""
    now = timezone.now()
    return {
        WITHOUT_REASON: _in_force() & Q(override_reason=""),
        ENDING: Q(override_until__gt=now, override_until__lte=now + SOON),
        ENDED: Q(override_until__lte=now),
    }.get(kind, _in_force())


class ExceptionFilters(PersonFilters):
    kind = FilterField(gettext_lazy("Exceptions"), SHOWN)

    def by_kind(self, rows: QuerySet[Operator], _kind: str) -> QuerySet[Operator]:
        """Leave it to `qs`, which filters without a kind, too."""
        return rows

    @cached_property
    def qs(self) -> QuerySet[Operator]:
        kind = self.cleaned_data.get("kind", "") if self.is_valid() else ""
        return super().qs.filter(_shown(kind))


# By default, the one that ends first comes first.
ORDERS: Orders = {
    "end": (F("override_until").asc(nulls_last=True), "pk"),
    "-end": (F("override_until").desc(nulls_first=True), "-pk"),
    "name": ("name_key", "pk"),
    "-name": ("-name_key", "-pk"),
    "since": (F("override_at").asc(nulls_first=True), "pk"),
    "-since": (F("override_at").desc(nulls_last=True), "-pk"),
}


def exception_table(operators: QuerySet[Operator], asked: str, page: str) -> Table:
    sort = known(asked, ORDERS)
    return Table(numbered_page(operators.order_by(*ORDERS[sort]), page), sort, ORDERS)


def columns() -> tuple[Column[Operator], ...]:
    """Return the columns of the CSV, in the words of this moment."""
    policies = {str(policy): str(label) for policy, label in POLICY_LABELS.items()}
    in_force, ended = _("In force"), _("Ended")

    def named(policy: str) -> str:
        return policies.get(policy, policy)

    return (
        Column("name", _("Name"), lambda one: one.name),
        Column("email", _("Email"), lambda one: one.email),
        Column("setting", _("Account's setting"), lambda one: named(one.account.two_factor_policy)),
        Column("override", _("Override"), lambda one: named(one.two_factor_override)),
        Column("reason", _("Reason"), lambda one: one.override_reason),
        Column("made_by", _("Made by"), lambda one: one.override_by),
        Column("made", _("Made"), lambda one: one.override_at),
        Column("last_day", _("Last day"), lambda one: str(one.override_last_day or "")),
        Column("state", _("State"), lambda one: in_force if one.override_in_force else ended),
    )
