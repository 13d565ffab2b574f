"""The search and the filters over a list, as they stand in its address."""

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django import forms
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.models import TEXT_LENGTH
from accounts.plain_form import BoundedField

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise

Row = TypeVar("Row", bound=Model)


class ListFilters(forms.Form, Generic[Row]):
    """Each field narrows the rows by the method that is called `by_` and its name.

    What is not given does not count, nor does what is wrong: the page says so beside the whole list.
    """

    def __init__(self, data: QueryDict, *, queryset: QuerySet[Row]) -> None:
        super().__init__(data)
        self.queryset = queryset

    @cached_property
    def qs(self) -> QuerySet[Row]:
        self.full_clean()
        rows = self.queryset
        for name, value in self.cleaned_data.items():
            if value:
                rows = getattr(self, f"by_{name}")(rows, value)
        return rows


class SearchField(BoundedField):
    def __init__(self, placeholder: "_StrPromise") -> None:
        widget = forms.TextInput(attrs={"type": "search", "placeholder": placeholder})
        super().__init__(label=_("Search"), required=False, max_length=TEXT_LENGTH, widget=widget)


class FilterField(forms.ChoiceField):
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_choice": _("There is no such choice. Choose one from the list.")
    }

    def __init__(self, label: "_StrPromise", choices: "Iterable[Any]" = (), **kwargs: Any) -> None:
        super().__init__(label=label, required=False, choices=choices, **kwargs)


class TickField(forms.BooleanField):
    def __init__(self, label: "_StrPromise") -> None:
        super().__init__(label=label, required=False)
