"""In which order and on which page do operators stand in the list, and what do its columns say?"""

from typing import Any, Self

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django_tables2.rows import BoundRows

from operators.models import Group, Operator
from operators.paging import KeyPaginator

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
    """The operators list."""

    # Regardless of letter case, as the index has it.
    name = SortableColumn([Lower("name"), "pk"], [Lower("name").desc(), "-pk"], verbose_name=_("Name"))
    email = SortableColumn(["email", "pk"], ["-email", "-pk"], verbose_name=_("Email"))
    groups = tables.Column(verbose_name=_("Groups"), accessor="group_labels", orderable=False)
    status = tables.Column(verbose_name=_("Two-factor authentication"), orderable=False)
    # Databases disagree about where nothing stands: whoever never signed in is last in both orders.
    last_login = SortableColumn(
        [F("last_login").asc(nulls_last=True), "pk"],
        [F("last_login").desc(nulls_last=True), "-pk"],
        verbose_name=_("Last login"),
    )

    SORTS = ("name", "-name", "email", "-email", "last_login", "-last_login")

    @classmethod
    def of(cls, operators: QuerySet[Operator], sort: str, page: str) -> Self:
        """Return one page of the table; without a known sort it is by name, past the last page the last."""
        table = cls(operators, order_by=sort if sort in cls.SORTS else "name")
        # The table has put the queryset into its order; what it makes of a page is its rows.
        table.paginator = KeyPaginator(table.data.data, PAGE_SIZE)
        table.page = table.paginator.get_page(page)
        table.page.object_list = BoundRows(table.page.object_list, table)
        return table

    @classmethod
    def in_order(cls, operators: QuerySet[Operator], sort: str) -> QuerySet[Operator]:
        """Return all rows in the order in which the pages of the list show them."""
        rows: QuerySet[Operator] = cls(operators, order_by=sort if sort in cls.SORTS else "name").data.data
        return rows

    @property
    def sort(self) -> str:
        """The order in force, as the address says it."""
        return str(self.order_by[0])

    def render_groups(self, value: list[str]) -> str:
        """Leave Everyone out: every operator is in it."""
        return ", ".join(label for label in value if label != str(Group.Kind.EVERYONE.label)) or "—"
