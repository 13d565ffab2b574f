"""Columns by which texts are found and sorted, in the same way on every database.

Databases fold letters each in their own way: SQLite knows those of ASCII only, PostgreSQL what its locale
knows. What is compared is therefore computed here (accounts.text) and stored beside the text.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django.db import models

from accounts.text import searchable, sorted_alike

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PORTION = 2000  # rows


class SearchKey(models.TextField):  # type: ignore[type-arg]  # not at run time
    """What is looked for in the texts of other fields; computed whenever the row is saved."""

    make: ClassVar[Callable[[str], str]] = staticmethod(searchable)

    def __init__(self, *, of: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(**{"editable": False, "default": "", "db_default": "", **kwargs})
        self.of = tuple(of)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def db_parameters(self, connection: "BaseDatabaseWrapper") -> Any:
        """Let PostgreSQL compare character by character, as SQLite does."""
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: FBT001  Django's signature
        key = self.key_of(*(getattr(model_instance, name) for name in self.of))
        setattr(model_instance, self.attname, key)
        return key

    @classmethod
    def key_of(cls, *texts: str) -> str:
        """No search goes over the border between two texts."""
        return "\n".join(cls.make(text) for text in texts)


class NameKey(SearchKey):
    """The key of a name that nothing else in the account may have."""

    make: ClassVar[Callable[[str], str]] = staticmethod(sorted_alike)


Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)


class KeyedQuerySet(models.QuerySet[Row_co]):
    def update(self, **kwargs: Any) -> int:
        keys = {
            key.name: key.key_of(*(kwargs[name] for name in key.of))
            for key in _keys(self.model)
            if set(key.of) & set(kwargs)
        }
        return super().update(**{**keys, **kwargs})

    update.alters_data = True  # type: ignore[attr-defined]  # Django's mark for templates


class KeyedModel(models.Model):
    """A row whose keys follow its texts, also where only some fields are saved."""

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if update_fields is not None:
            fields = set(update_fields)
            update_fields = fields | {key.name for key in _keys(type(self)) if fields & set(key.of)}
        super().save(*args, update_fields=update_fields, **kwargs)


def _keys(model: type[models.Model]) -> "list[SearchKey]":
    return [field for field in model._meta.get_fields() if isinstance(field, SearchKey)]


def fill(model: Any, key: str, schema_editor: "BaseDatabaseSchemaEditor") -> None:
    """For migrations; takes memory for a portion of the rows only."""
    field = cast("SearchKey", model._meta.get_field(key))
    quote = schema_editor.connection.ops.quote_name
    statement = f"UPDATE {quote(model._meta.db_table)} SET {quote(key)} = %s WHERE id = %s"  # noqa: S608
    last = 0
    rows = model.objects.order_by("pk").values_list("pk", *field.of)
    while portion := list(rows.filter(pk__gt=last)[:PORTION]):
        with schema_editor.connection.cursor() as cursor:
            cursor.executemany(statement, [(field.key_of(*texts), pk) for pk, *texts in portion])
        last = portion[-1][0]
