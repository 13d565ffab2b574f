"""Which operators, and what is to be done to them? What the list and the preview of a bulk action send."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.days import end_of
from accounts.forms import LineField
from accounts.models import Account
from accounts.plain_form import BoundedField, PlainForm
from accounts.row_keys import row_keys
from operators.bulk.preview import NAMED
from operators.lists.filters import OperatorFilters
from operators.models import Group, Operator
from operators.models.bulk import LIST_KINDS
from operators.overrides.forms import LastDayField, check_last_day
from operators.people.forms_reset import ResetForm, reason_for_log

OUT_OF_DATE = _("This form is out of date. Choose the operators again.")


class SelectionForm(PlainForm):
    kind = forms.ChoiceField(
        label=_("Action"),
        choices=[("", _("Choose an action")), *LIST_KINDS],
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose an action.")),
    )
    every = forms.BooleanField(required=False)
    filters = BoundedField(required=False, max_length=2000)

    def __init__(self, data: QueryDict, *, account: Account) -> None:
        super().__init__(data)
        self.account = account
        self.ticked = row_keys(data.getlist("operator"))
        self.operators: QuerySet[Operator] = Operator.objects.none()

    def clean(self) -> None:
        cleaned = self.cleaned_data
        mine = Operator.objects.filter(account=self.account)
        if cleaned.get("every"):
            chosen = QueryDict(cleaned.get("filters", ""))
            filters = OperatorFilters(chosen, queryset=mine, account=self.account)
            if not filters.is_valid():
                raise ValidationError(_("The filters do not fit any more. Choose the operators again."))
            self.operators = filters.qs
        elif self.ticked:
            self.operators = mine.filter(pk__in=self.ticked)
        else:
            raise ValidationError(_("Tick at least one operator."))


class GroupForm(PlainForm):
    group = forms.ModelChoiceField(
        label=_("Group"),
        queryset=Group.objects.none(),
        empty_label=_("Choose a group"),
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a group.")),
    )

    def __init__(self, data: QueryDict | None, *, account: Account) -> None:
        super().__init__(data)
        groups = Group.objects.filter(account=account).exclude(kind=Group.Kind.EVERYONE)
        self.fields["group"].queryset = groups.order_by("kind", "name_key", "pk")  # type: ignore[attr-defined]


class ConfirmForm(PlainForm):
    key = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), OUT_OF_DATE)
    )
    counted = forms.IntegerField(
        widget=forms.HiddenInput,
        min_value=1,
        max_value=10**9,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), OUT_OF_DATE),
    )
    # The word of the preview, and who was in it, where they are few.
    shown = BoundedField(
        widget=forms.HiddenInput,
        max_length=64,
        error_messages=dict.fromkeys(("required", "max_length"), OUT_OF_DATE),
    )
    who = BoundedField(
        required=False,
        widget=forms.HiddenInput,
        max_length=20 * NAMED,
        error_messages={"max_length": OUT_OF_DATE},
    )

    @property
    def reason(self) -> str:
        return ""

    @property
    def ends_at(self) -> datetime | None:
        """None where exceptions stay."""
        return None

    @property
    def before(self) -> list[int]:
        return row_keys(self.cleaned_data.get("who", "").split(","))

    @property
    def hidden(self) -> list[forms.BoundField]:
        return [self[name] for name in ("key", "counted", "shown", "who")]

    @classmethod
    def fresh(cls, counted: int, shown: str, who: Iterable[int] = ()) -> "ConfirmForm":
        numbers = ",".join(map(str, sorted(who)))
        return cls(initial={"key": uuid.uuid4(), "counted": counted, "shown": shown, "who": numbers})


class ConfirmExceptionForm(ConfirmForm):
    why = LineField(
        label=_("Reason"),
        error_messages={
            "required": _("Say why these operators are asked for less than the account asks of everybody.")
        },
        help_text=_(
            "It is kept with each of the exceptions, and takes the place of an earlier reason and last day."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    until = LastDayField(validators=[check_last_day])

    @property
    def reason(self) -> str:
        return str(self.cleaned_data["why"])

    @property
    def ends_at(self) -> datetime | None:
        day = self.cleaned_data["until"]
        return end_of(day) if day else None


class ConfirmResetForm(ConfirmForm):
    why = ResetForm.base_fields["why"]
    identity_check = ResetForm.base_fields["identity_check"]

    @property
    def reason(self) -> str:
        return reason_for_log(self.cleaned_data)
