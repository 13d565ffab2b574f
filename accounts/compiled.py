"""Statements that Django compiles once in a process, for those that nearly every request or login needs.

To build and compile such a query takes Django many times as long as the database takes to answer it.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

ModelType = TypeVar("ModelType", bound=Model)
Row = list[Any]


class Parameter(Expression):
    """The place in a statement of a value that each execution brings, or of what `of` makes of it."""

    def __init__(
        self, name: str, output_field: Field[Any, Any], of: Callable[[Any], Any] = lambda value: value
    ) -> None:
        super().__init__(output_field=output_field)
        self.name = name
        self.of = of

    def as_sql(self, compiler: "SQLCompiler", connection: "BaseDatabaseWrapper") -> tuple[str, Any]:
        """Stand among the values itself: see `_values`."""
        return "%s", (self,)


class CompiledQuery(Generic[ModelType]):
    """Rows, by a query with parameters; what `build` makes it of is asked once, when it is first needed."""

    def __init__(self, build: Callable[[], QuerySet[ModelType]]) -> None:
        self._build = build

    def rows(self, **values: Any) -> list[ModelType]:
        sql, places, make = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(sql, list(_values(places, values)))
            return [make(list(row)) for row in cursor.fetchall()]

    def first(self, **values: Any) -> ModelType | None:
        return next(iter(self.rows(**values)), None)

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...], Callable[[Row], ModelType]]:
        compiler = self._build().query.get_compiler(DEFAULT_DB_ALIAS)
        sql, places = compiler.as_sql()
        return sql, places, _maker(compiler)


class CompiledUpdate:
    """A change of rows, with parameters; `build` says of which rows, and what changes."""

    def __init__(self, build: Callable[[], tuple[QuerySet[Any], dict[str, Any]]]) -> None:
        self._build = build

    def execute(self, **values: Any) -> int:
        sql, places = self._compiled
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
            cursor.execute(sql, list(_values(places, values)))
            changed: int = cursor.rowcount
            return changed

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...]]:
        rows, changes = self._build()
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(changes)
        sql, places = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return sql, places


def _values(places: tuple[Any, ...], values: dict[str, Any]) -> Iterator[Any]:
    for place in places:
        if isinstance(place, Parameter):
            value = place.of(values[place.name])
            yield place.output_field.get_db_prep_value(value, connection)
        else:
            yield place


def _maker(compiler: "SQLCompiler") -> Callable[[Row], Any]:
    """Return what Django does with each row of a query (ModelIterable), as far as it differs by row."""
    columns = [column for column, _sql, _alias in compiler.select]
    converters = compiler.get_converters(columns)
    own = compiler.klass_info["select_fields"]
    model = compiler.klass_info["model"]
    names = [columns[place].target.attname for place in own]
    related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # typed for Django 6
    annotations = compiler.annotation_col_map.items()

    def make(row: Row) -> Any:
        for place, (functions, column) in converters.items():
            for convert in functions:
                row[place] = convert(row[place], column, connection)
        instance = model.from_db(DEFAULT_DB_ALIAS, names, row[own[0] : own[-1] + 1])
        for populator in related:
            populator.populate(row, instance)
        for name, place in annotations:
            setattr(instance, name, row[place])
        return instance

    return make
