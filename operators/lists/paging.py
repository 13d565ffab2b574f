"""Which rows stand on a page of a long list, and how are they found without reading the others?"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

PAGE_SIZE = 25
# How many rows after the first of a page are looked for instead of counting them all.
AHEAD = 1000
# Digits of a page's number; no list is as long, and databases do not take every number.
DIGITS = 9


class KeyPaginator(Paginator[Any]):
    """Pages of an ordered queryset: first the keys of the page, by an index alone, then only their rows.

    What a row takes with it from other tables is asked for the rows of the page, not for those that are
    skipped; and pages past the middle are reached from the end. `read` returns the rows of some keys in any
    order, where that is less work than to ask for them by the conditions once more.
    """

    object_list: QuerySet[Any]
    # Whether there are more rows than `count` says.
    more = False

    def __init__(
        self,
        queryset: QuerySet[Any],
        per_page: int,
        *,
        read: Callable[[list[Any]], Iterable[Any]] | None = None,
    ) -> None:
        super().__init__(queryset, per_page)
        self.read = read or (lambda keys: queryset.order_by().filter(pk__in=keys))

    def get_page_ahead(self, number: str) -> Page[Any]:
        """Return the page as get_page() does, without a look at every row: `count` may say too few."""
        wanted = int(number) if len(number) <= DIGITS and number.isdecimal() else 0
        start = (wanted - 1) * self.per_page
        keys = list(_all_keys(self.object_list)[start : start + AHEAD + 1]) if wanted else []
        if not keys and wanted != 1:
            return self.get_page(number)
        self.count, self.more = start + min(len(keys), AHEAD), len(keys) > AHEAD
        return Page(self._rows(keys[: self.per_page]), wanted, self)

    def page(self, number: int | str) -> Page[Any]:
        """Return the page with this number; raises InvalidPage where there is none."""
        valid = self.validate_number(number)
        start = (valid - 1) * self.per_page
        stop = min(start + self.per_page, self.count)
        keys = _keys(self.object_list, start, stop, self.count)
        return Page(self._rows(keys), valid, self)

    def _rows(self, keys: list[Any]) -> list[Any]:
        """Return the rows with these keys, in their order, without those that are gone by now."""
        found = {row.pk: row for row in self.read(keys)} if keys else {}
        return [found[key] for key in keys if key in found]


def numbered_page(rows: QuerySet[Any], number: str | None) -> Page[Any]:
    """Return the page with the number in the address; past the last one the last, for none the first."""
    return KeyPaginator(rows, PAGE_SIZE).get_page(number)


def _all_keys(queryset: QuerySet[Row]) -> QuerySet[Row, Any]:
    return queryset.values_list("pk", flat=True)


def _keys(queryset: QuerySet[Row], start: int, stop: int, count: int) -> list[Any]:
    """Return the keys of the rows from start to stop, in order, from the end that is nearer."""
    keys = _all_keys(queryset)
    if start <= count - stop:
        return list(keys[start:stop])
    return list(keys.reverse()[count - stop : count - start])[::-1]
