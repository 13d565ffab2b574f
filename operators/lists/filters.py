"""Which operators does the list show? Search and filters, as they stand in its address."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import django_filters
from django import forms
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.addresses import part_of_address
from accounts.models import TEXT_LENGTH, Account
from accounts.text_search import contains
from operators.models import Group, Membership, Operator, OperatorQuerySet, SubAccount
from operators.rules.status import Status
from operators.status.labels import STATUS_LABELS
from operators.status.query import LOOKED_UP, perhaps_locked, rows_where, status_condition
from twofactor.models import Authenticator

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

RECENTLY = timedelta(days=30)
LAST_LOGINS = [
    ("recent", _("Within 30 days")),
    ("earlier", _("Longer ago")),
    ("never", _("Never")),
    ("invited", _("Invited")),
    ("expired", _("Invitation expired")),
]
NO_SUB_ACCOUNT = "none"
TRIGRAM = 3  # letters


def choice_field(
    label: "_StrPromise", any_label: "_StrPromise", method: str, **kwargs: Any
) -> django_filters.ChoiceFilter:
    """Return a filter by one of several values."""
    return django_filters.ChoiceFilter(
        label=label,
        empty_label=any_label,
        method=method,
        error_messages={"invalid_choice": _("There is no such choice. Choose one from the list.")},
        **kwargs,
    )


def _is_named(text: str) -> Q:
    """Return the condition that an operator's name contains the text."""
    return contains(text, "name_key")


def _has_address(text: str) -> Q:
    """Return the condition that an operator's address contains the text, however it is typed."""
    return Q(email__icontains=part_of_address(text))


class TickFilter(django_filters.BooleanFilter):
    """A filter that counts when its box is ticked; the library's own knows a third state, unknown."""

    field_class = forms.BooleanField  # type: ignore[assignment]  # the library's stubs know its own only


class PersonFilters(django_filters.FilterSet):
    """Search alone."""

    search = django_filters.CharFilter(
        label=_("Search"),
        method="by_text",
        max_length=TEXT_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Search name or email")}),
    )

    def by_text(self, queryset: QuerySet[Operator], name: str, text: str) -> QuerySet[Operator]:
        """Part of the name or of the address."""
        return queryset.filter(_is_named(text) | _has_address(text))


class OperatorFilters(PersonFilters):
    """Everything by which the list can be narrowed; what is not given does not count."""

    status = choice_field(_("Status"), _("Any status"), "by_status", choices=list(STATUS_LABELS.items()))
    group = choice_field(_("Group"), _("Any group"), "by_group")
    sub_account = choice_field(_("Sub account"), _("Any sub account"), "by_sub_account")
    last_login = choice_field(_("Last login"), _("Any last login"), "by_last_login", choices=LAST_LOGINS)
    administrators = TickFilter(label=_("Administrators"), method="only_administrators")
    exceptions = TickFilter(label=_("Exceptions"), method="only_exceptions")
    no_recovery_codes = TickFilter(label=_("No recovery codes"), method="only_without_recovery_codes")

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        # Asked for when the form is shown or one is chosen: a script that filters takes the rows alone.
        self.filters["group"].extra["choices"] = self._group_choices
        names = SubAccount.objects.filter(account=account).values_list("pk", "name")
        sub_accounts = [(str(pk), name) for pk, name in names]
        self.filters["sub_account"].extra["choices"] = [*sub_accounts, (NO_SUB_ACCOUNT, _("No sub account"))]
        if not sub_accounts:
            del self.filters["sub_account"]

    @cached_property
    def groups(self) -> dict[str, Group]:
        """The groups of the account by their keys, in the order of the choices."""
        groups = Group.objects.filter(account=self.account).order_by("kind", "name_key", "pk")
        return {str(group.pk): group for group in groups}

    def _group_choices(self) -> list[tuple[str, str]]:
        """Return the choices of the group."""
        return [(pk, group.label) for pk, group in self.groups.items()]

    def by_text(self, queryset: QuerySet[Operator], name: str, text: str) -> QuerySet[Operator]:
        """Part of the name or of the address, in the way that the database answers quickest.

        SQLite reads every row for both together, and one after the other but two indexes; PostgreSQL has
        trigrams of both, which only the one condition uses.
        """
        if connection.vendor != "sqlite":  # pragma: no cover  the suite runs on PostgreSQL too
            return super().by_text(queryset, name, text)
        by_email = Operator.objects.filter(_has_address(text), account=self.account)
        return queryset.filter(_is_named(text) | Q(pk__in=by_email.values("pk")))

    @property
    def uses_trigrams(self) -> bool:
        """Whether a count takes no look at every row; asked for many rows in order, PostgreSQL takes one."""
        return connection.vendor == "postgresql" and len((self.data or {}).get("search", "")) >= TRIGRAM

    def by_status(self, queryset: QuerySet[Operator], name: str, value: str) -> QuerySet[Operator]:
        """As the column says."""
        status, rule, now = Status(value), self.account.rule, timezone.now()
        if status is Status.LOCKED:
            queryset = queryset.filter(pk__in=perhaps_locked(self.account))
        return queryset.filter(status_condition(status, rule, now, LOOKED_UP))

    def by_group(self, queryset: QuerySet[Operator], name: str, value: str) -> QuerySet[Operator]:
        """Members; of Everyone these are all."""
        if self.groups[value].kind == Group.Kind.EVERYONE:
            return queryset
        return queryset.filter(pk__in=Membership.objects.filter(group=int(value)).values("operator"))

    def by_sub_account(self, queryset: QuerySet[Operator], name: str, value: str) -> QuerySet[Operator]:
        """Operators of a sub account, or of none."""
        return queryset.filter(sub_account=None if value == NO_SUB_ACCOUNT else int(value))

    def by_last_login(self, queryset: OperatorQuerySet, name: str, value: str) -> QuerySet[Operator]:
        """How long ago, or how far the invitation has come."""
        if value in {"invited", "expired"}:
            return queryset.invited(live=value == "invited")
        since = timezone.now() - RECENTLY
        conditions: dict[str, dict[str, Any]] = {
            "recent": {"last_login__gte": since},
            "earlier": {"last_login__lt": since},
            "never": {"last_login": None, "joined_at__isnull": False},
        }
        return queryset.filter(**conditions[value])

    def only_administrators(
        self,
        queryset: OperatorQuerySet,
        name: str,
        value: bool,  # noqa: FBT001  the library's signature
    ) -> QuerySet[Operator]:
        """Members of the group Administrators; it combines with another group."""
        return queryset.administrators() if value else queryset

    def only_exceptions(
        self,
        queryset: QuerySet[Operator],
        name: str,
        value: bool,  # noqa: FBT001
    ) -> QuerySet[Operator]:
        """Those of whom an override asks less than the account asks of others."""
        if not value:
            return queryset
        now, rule = timezone.now(), self.account.rule
        return queryset.filter(rows_where(lambda facts: facts.is_exception(rule, now), now))

    def only_without_recovery_codes(
        self,
        queryset: QuerySet[Operator],
        name: str,
        value: bool,  # noqa: FBT001
    ) -> QuerySet[Operator]:
        """Those with an authenticator and no recovery code left: a lost phone keeps them out."""
        if not value:
            return queryset
        return queryset.filter(pk__in=Authenticator.objects.filter(recovery_hashes="").values("user"))
