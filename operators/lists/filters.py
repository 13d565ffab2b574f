"""Which operators does the list show? Search and filters, as they stand in its address."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.addresses import part_of_address
from accounts.compiled import CompiledQuery, Parameter
from accounts.filters import FilterField, ListFilters, SearchField, TickField
from accounts.models import Account
from accounts.text_search import contains
from operators.models import Group, Membership, Operator, OperatorQuerySet, SubAccount
from operators.rules.status import Status
from operators.status.labels import STATUS_LABELS
from operators.status.query import LOOKED_UP, perhaps_locked, rows_where, status_condition
from twofactor.models import Authenticator

RECENTLY = timedelta(days=30)
LAST_LOGINS = [
    ("", _("Any last login")),
    ("recent", _("Within 30 days")),
    ("earlier", _("Longer ago")),
    ("never", _("Never")),
    ("invited", _("Invited")),
    ("expired", _("Invitation expired")),
]
NO_SUB_ACCOUNT = "none"
TRIGRAM = 3  # letters

_ACCOUNT = Parameter("account", BigIntegerField())
_GROUPS = CompiledQuery(lambda: Group.objects.filter(account=_ACCOUNT).order_by("kind", "name_key", "pk"))
_SUB_ACCOUNTS = CompiledQuery(lambda: SubAccount.objects.filter(account=_ACCOUNT))


def _is_named(text: str) -> Q:
    return contains(text, "name_key")


def _has_address(text: str) -> Q:
    """Return the condition that an operator's address contains the text, however it is typed."""
    return Q(email__icontains=part_of_address(text))


class PersonFilters(ListFilters[Operator]):
    search = SearchField(_("Search name or email"))

    def by_search(self, rows: QuerySet[Operator], text: str) -> QuerySet[Operator]:
        return rows.filter(_is_named(text) | _has_address(text))


class OperatorFilters(PersonFilters):
    status = FilterField(_("Status"), [("", _("Any status")), *STATUS_LABELS.items()])
    group = FilterField(_("Group"))
    sub_account = FilterField(_("Sub account"))
    last_login = FilterField(_("Last login"), LAST_LOGINS)
    administrators = TickField(_("Administrators"))
    exceptions = TickField(_("Exceptions"))
    no_recovery_codes = TickField(_("No recovery codes"))

    def __init__(self, data: QueryDict, *, queryset: QuerySet[Operator], account: Account) -> None:
        super().__init__(data, queryset=queryset)
        self.account = account
        # Asked for when the form is shown or one is chosen: a script that filters takes the rows alone.
        self.fields["group"].choices = self._group_choices  # type: ignore[attr-defined]  # a FilterField
        sub_accounts = [(str(own.pk), own.name) for own in _SUB_ACCOUNTS.rows(account=account.pk)]
        if sub_accounts:
            choices = [("", _("Any sub account")), *sub_accounts, (NO_SUB_ACCOUNT, _("No sub account"))]
            self.fields["sub_account"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["sub_account"]

    @cached_property
    def groups(self) -> dict[str, Group]:
        return {str(group.pk): group for group in _GROUPS.rows(account=self.account.pk)}

    def _group_choices(self) -> list[tuple[str, Any]]:
        return [("", _("Any group")), *((pk, group.label) for pk, group in self.groups.items())]

    def by_search(self, rows: QuerySet[Operator], text: str) -> QuerySet[Operator]:
        """Part of the name or of the address, in the way that the database answers quickest.

        SQLite reads every row for both together, and one after the other but two indexes; PostgreSQL has
        trigrams of both, which only the one condition uses.
        """
        if connection.vendor != "sqlite":  # pragma: no cover  the suite runs on PostgreSQL too
            return super().by_search(rows, text)
        by_email = Operator.objects.filter(_has_address(text), account=self.account)
        return rows.filter(_is_named(text) | Q(pk__in=by_email.values("pk")))

    @property
    def uses_trigrams(self) -> bool:
        """Whether a count takes no look at every row; asked for many rows in order, PostgreSQL takes one."""
        return connection.vendor == "postgresql" and len(self.data.get("search", "")) >= TRIGRAM

    def by_status(self, rows: QuerySet[Operator], value: str) -> QuerySet[Operator]:
        status, rule, now = Status(value), self.account.rule, timezone.now()
        if status is Status.LOCKED:
            rows = rows.filter(pk__in=perhaps_locked(self.account))
        return rows.filter(status_condition(status, rule, now, LOOKED_UP))

    def by_group(self, rows: QuerySet[Operator], value: str) -> QuerySet[Operator]:
        if self.groups[value].kind == Group.Kind.EVERYONE:
            return rows
        return rows.filter(pk__in=Membership.objects.filter(group=int(value)).values("operator"))

    def by_sub_account(self, rows: QuerySet[Operator], value: str) -> QuerySet[Operator]:
        return rows.filter(sub_account=None if value == NO_SUB_ACCOUNT else int(value))

    def by_last_login(self, rows: OperatorQuerySet, value: str) -> QuerySet[Operator]:
        """How long ago, or how far the invitation has come."""
        if value in {"invited", "expired"}:
            return rows.invited(live=value == "invited")
        since = timezone.now() - RECENTLY
        conditions: dict[str, dict[str, Any]] = {
            "recent": {"last_login__gte": since},
            "earlier": {"last_login__lt": since},
            "never": {"last_login": None, "joined_at__isnull": False},
        }
        return rows.filter(**conditions[value])

    def by_administrators(self, rows: OperatorQuerySet, _ticked: object) -> QuerySet[Operator]:
        return rows.administrators()

    def by_exceptions(self, rows: QuerySet[Operator], _ticked: object) -> QuerySet[Operator]:
        """Those of whom an override asks less than the account asks of others."""
        now, rule = timezone.now(), self.account.rule
        return rows.filter(rows_where(lambda facts: facts.is_exception(rule, now), now))

    def by_no_recovery_codes(self, rows: QuerySet[Operator], _ticked: object) -> QuerySet[Operator]:
        """Those with an authenticator and no recovery code left: a lost phone keeps them out."""
        return rows.filter(pk__in=Authenticator.objects.filter(recovery_hashes="").values("user"))
