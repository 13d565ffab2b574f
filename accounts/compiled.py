"""Queries that Django compiles once in a process, for those that nearly every request begins with.

To build and compile such a query takes Django many times as long as the database takes to answer it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

ModelType = TypeVar("ModelType", bound=Model)


class Parameter(Expression):
    """The place in a compiled query of a value that each execution brings."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: "SQLCompiler", connection: "BaseDatabaseWrapper") -> tuple[str, Any]:
        """Stand among the values itself: see `CompiledQuery`."""
        return "%s", (self,)


class CompiledQuery(Generic[ModelType]):
    """A query with parameters; what `build` makes it of is asked once, when it is first needed."""

    def __init__(self, build: Callable[[], QuerySet[ModelType]]) -> None:
        self._build = build

    def first(self, **values: Any) -> ModelType | None:
        """Return the first row for these values of the parameters, with all that is selected with it."""
        sql, places, make = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(sql, [_value(place, values) for place in places])
            row = cursor.fetchone()
        return make(list(row)) if row else None

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...], Callable[[list[Any]], ModelType]]:
        """The statement, its values and parameters in their order, and what makes an object of a row."""
        compiler = self._build().query.get_compiler(DEFAULT_DB_ALIAS)
        sql, places = compiler.as_sql()
        return sql, places, _maker(compiler)


def _value(place: Any, values: dict[str, Any]) -> Any:
    """Return what the database is given for one place in a statement."""
    if isinstance(place, Parameter):
        return place.output_field.get_db_prep_value(values[place.name], connection)
    return place


def _maker(compiler: "SQLCompiler") -> Callable[[list[Any]], Any]:
    """Return what Django does with each row of this query (ModelIterable), as far as it differs by row."""
    columns = [column for column, _sql, _alias in compiler.select]
    converters = compiler.get_converters(columns)
    own = compiler.klass_info["select_fields"]
    model = compiler.klass_info["model"]
    names = [columns[place].target.attname for place in own]
    related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # typed for Django 6
    annotations = compiler.annotation_col_map.items()

    def make(row: list[Any]) -> Any:
        for place, (functions, column) in converters.items():
            for convert in functions:
                row[place] = convert(row[place], column, connection)
        found = model.from_db(DEFAULT_DB_ALIAS, names, row[own[0] : own[-1] + 1])
        for populator in related:
            populator.populate(row, found)
        for name, place in annotations:
            setattr(found, name, row[place])
        return found

    return make
