"""Which rows stand on a page of a long list, and how are they found without reading the others?"""

from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


class KeyPaginator(Paginator[Any]):
    """Pages of an ordered queryset: first the keys of the page, by an index alone, then only their rows.

    What a row takes with it from other tables is asked for the rows of the page, not for those that are
    skipped; and pages past the middle are reached from the end.
    """

    def page(self, number: int | str) -> Page[Any]:
        """Return the page with this number; raises InvalidPage where there is none."""
        valid = self.validate_number(number)
        start = (valid - 1) * self.per_page
        stop = min(start + self.per_page, self.count)
        queryset: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # of() takes nothing else
        return Page(_rows(queryset, _keys(queryset, start, stop, self.count)), valid, self)


def _keys(queryset: QuerySet[Row], start: int, stop: int, count: int) -> list[Any]:
    """Return the keys of the rows from start to stop, in order."""
    keys = queryset.values_list("pk", flat=True)
    if start <= count - stop:
        return list(keys[start:stop])
    return list(keys.reverse()[count - stop : count - start])[::-1]


def _rows(queryset: QuerySet[Row], keys: list[Any]) -> list[Row]:
    """Return the rows with these keys, in their order, without those that are gone by now."""
    found = {row.pk: row for row in queryset.order_by().filter(pk__in=keys)}
    return [found[key] for key in keys if key in found]
