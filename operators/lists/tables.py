"""In which order and on which page do operators stand in the list, and what do its columns say?"""

from typing import Any, Self

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRows

from operators.lists.filters import OperatorFilters
from operators.lists.paging import KeyPaginator
from operators.models import Operator

PAGE_SIZE = 25


class SortableColumn(tables.Column):
    """A column with two orders. Each ends with the key, so that no row is on two pages or on none."""

    def __init__(self, ascending: list[Any], descending: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.ascending, self.descending = ascending, descending

    def order(
        self,
        queryset: QuerySet[Operator],
        is_descending: bool,  # noqa: FBT001  the library's signature
    ) -> tuple[QuerySet[Operator], bool]:
        """Sort the rows; true says that it is done."""
        return queryset.order_by(*self.descending if is_descending else self.ascending), True


class OperatorTable(tables.Table):
    # Regardless of letter case, as the index has it.
    name = SortableColumn(["name_key", "pk"], ["-name_key", "-pk"], verbose_name=_("Name"))
    email = SortableColumn(["email", "pk"], ["-email", "-pk"], verbose_name=_("Email"))
    groups = tables.Column(verbose_name=_("Groups"), accessor="groups_in_short", orderable=False)
    status = tables.Column(verbose_name=_("Two-factor authentication"), orderable=False)
    # Databases disagree about where nothing stands: whoever never signed in is last in both orders.
    last_login = SortableColumn(
        [F("last_login").asc(nulls_last=True), "pk"],
        [F("last_login").desc(nulls_last=True), "-pk"],
        verbose_name=_("Last login"),
    )

    SORTS = ("name", "-name", "email", "-email", "last_login", "-last_login")

    @classmethod
    def of(cls, filters: OperatorFilters, sort: str, page: str, *, counted: bool) -> Self:
        """Return one page of the table; without a known sort it is by name, past the last page the last.

        Of a table that is not `counted` the paginator may know only that there are so many rows and more.
        """
        table = cls(filters.qs, order_by=sort if sort in cls.SORTS else "name")
        # The table has put the queryset into its order; what it makes of a page is its rows.
        paginator = KeyPaginator(table.data.data, PAGE_SIZE, whole=filters.queryset)
        table.paginator = paginator
        table.page = paginator.get_page(page) if counted else paginator.get_page_ahead(page)
        table.page.object_list = BoundRows(table.page.object_list, table)
        return table

    @classmethod
    def in_order(cls, operators: QuerySet[Operator], sort: str) -> QuerySet[Operator]:
        """Return all rows in the order in which the pages of the list show them."""
        rows: QuerySet[Operator] = cls(operators, order_by=sort if sort in cls.SORTS else "name").data.data
        return rows

    @property
    def operators(self) -> list[Operator]:
        operators: list[Operator] = self.page.object_list.data
        return operators

    @property
    def sort(self) -> str:
        """The order in force, as the address says it."""
        return str(self.order_by[0])
