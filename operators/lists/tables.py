"""In which order and on which page do operators stand in the list?"""

from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from django.core.paginator import Page
from django.db.models import BigIntegerField, DateTimeField, F, QuerySet
from django.db.models.expressions import OrderBy
from django.utils import timezone

from accounts.compiled import CompiledQuery, Parameter
from accounts.models import Account
from operators.lists.filters import OperatorFilters
from operators.lists.paging import PAGE_SIZE, KeyPaginator
from operators.models import Operator

KEYS = [f"key{number}" for number in range(PAGE_SIZE)]

# The orders of a list by their names in its address; the first is the one of an address that names none.
# Each ends with the key, so that no row is on two pages or on none.
Orders: TypeAlias = dict[str, tuple[str | OrderBy, ...]]

ORDERS: Orders = {
    # Regardless of letter case, as the index has it.
    "name": ("name_key", "pk"),
    "-name": ("-name_key", "-pk"),
    "email": ("email", "pk"),
    "-email": ("-email", "-pk"),
    # Databases disagree about where nothing stands: whoever never signed in is last in both orders.
    "last_login": (F("last_login").asc(nulls_last=True), "pk"),
    "-last_login": (F("last_login").desc(nulls_last=True), "-pk"),
}


@dataclass(frozen=True, slots=True)
class Heading:
    column: str
    # ascending, descending, or "" where the list is in the order of another column.
    direction: str

    @property
    def leads_to(self) -> str:
        """The order that it asks for: the second time the other way round."""
        return f"-{self.column}" if self.direction == "ascending" else self.column


class Table:
    def __init__(self, page: Page[Any], sort: str, orders: Orders) -> None:
        self.page, self.sort = page, sort
        directions = {sort.removeprefix("-"): "descending" if sort.startswith("-") else "ascending"}
        columns = (name for name in orders if not name.startswith("-"))
        self.headings = {column: Heading(column, directions.get(column, "")) for column in columns}


def known(sort: str, orders: Orders) -> str:
    """Return the name of the order, or of the first where there is no such order."""
    return sort if sort in orders else next(iter(orders))


def in_order(operators: QuerySet[Operator], sort: str) -> QuerySet[Operator]:
    return operators.order_by(*ORDERS[known(sort, ORDERS)])


def operator_table(filters: OperatorFilters, sort: str, page: str, *, counted: bool) -> Table:
    """Return one page of the operators list; past the last page the last.

    Of a table that is not `counted` the paginator may know only that there are so many rows and more.
    """
    read = partial(_read, filters.account)
    paginator = KeyPaginator(in_order(filters.qs, sort), PAGE_SIZE, read=read)
    shown = paginator.get_page(page) if counted else paginator.get_page_ahead(page)
    return Table(shown, known(sort, ORDERS), ORDERS)


def _rows_of_a_page() -> QuerySet[Operator]:
    now, account = Parameter("now", DateTimeField()), Parameter("account", BigIntegerField())
    keys = [Parameter(key, BigIntegerField()) for key in KEYS]
    rows: QuerySet[Operator] = Operator.objects.with_relations().with_links(now)
    return rows.filter(account=account, pk__in=keys)  # type: ignore[misc]  # expressions are values, too


_operators_of_a_page = CompiledQuery(_rows_of_a_page)


def _read(account: Account, keys: list[int]) -> list[Operator]:
    # The last page has fewer: one of its keys fills the places of the others.
    values = keys + keys[:1] * (PAGE_SIZE - len(keys))
    now, places = timezone.now(), dict(zip(KEYS, values, strict=True))
    operators = _operators_of_a_page.rows(now=now, account=account.pk, **places)
    for operator in operators:
        operator.account = account
    return operators
