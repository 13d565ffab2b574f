"""Forms for adding an operator, and of the operator page."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import NameField, NewPasswordForm, RadioCards, check_new_password
from accounts.models import TEXT_LENGTH
from accounts.plain_form import BoundedField, PlainForm
from accounts.policy import AccountRule
from accounts.text import one_line
from operators.fields import TAKEN, AddressField
from operators.models import Group, Operator, SubAccount
from operators.overrides.forms import OverrideForm, check_override

# A number of this many digits fits into a bigint.
LONGEST_KEY = 18


class SignInMethodForm(PlainForm):
    sign_in_method = forms.ChoiceField(
        label=_("Sign-in method"),
        choices=Operator.SignInMethod.choices,
        widget=RadioCards(
            {
                Operator.SignInMethod.PASSWORD: _(
                    "Email and password, and a code where two-factor authentication is on."
                ),
                Operator.SignInMethod.SINGLE_SIGN_ON: _(
                    "The company's identity provider. It is not set up yet: "
                    "until it is, this operator cannot sign in."
                ),
            }
        ),
    )


class GroupsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # not at run time
    """Refuses a number too large for a bigint, where each database would fail in its own way."""

    def clean(self, value: Any) -> Any:
        for number in value or []:
            if len(str(number)) > LONGEST_KEY:
                raise ValidationError(
                    self.error_messages["invalid_choice"], code="invalid_choice", params={"value": "…"}
                )
        return super().clean(value)


class MemberOfForm(PlainForm):
    groups = GroupsField(
        label=_("Groups"), queryset=Group.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    sub_account = forms.ModelChoiceField(
        label=_("Sub account"), queryset=SubAccount.objects.none(), required=False, empty_label=_("None")
    )

    def __init__(self, *args: Any, account_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_groups_of(account_id, self.fields)


def _offer_groups_of(account_id: int, fields: dict[str, Any]) -> None:
    groups = Group.objects.filter(account=account_id).exclude(kind=Group.Kind.EVERYONE)
    fields["groups"].queryset = groups.order_by("kind", "name_key")
    fields["sub_account"].queryset = SubAccount.objects.filter(account=account_id)


class CreateOperatorForm(PlainForm):
    """Adds an operator without an invitation: the password entered here works at once."""

    name = NameField(widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = AddressField(widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    new_password = NewPasswordForm.base_fields["new_password"]
    new_password_again = NewPasswordForm.base_fields["new_password_again"]
    groups = MemberOfForm.base_fields["groups"]
    sub_account = MemberOfForm.base_fields["sub_account"]
    override = OverrideForm.base_fields["override"]
    policy = OverrideForm.base_fields["policy"]
    reason = OverrideForm.base_fields["reason"]
    until = OverrideForm.base_fields["until"]

    def __init__(self, *args: Any, account_id: int, rule: AccountRule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account_id = account_id
        self.rule = rule
        _offer_groups_of(account_id, self.fields)

    def clean_email(self) -> str:
        """Look in this account only: see operators.people.address_tries."""
        email: str = self.cleaned_data["email"]
        if Operator.objects.filter(email=email, account=self.account_id).exists():
            raise ValidationError(TAKEN, code="taken")
        return email

    def clean(self) -> None:
        check_override(self, self.rule)
        check_new_password(self, Operator(account_id=self.account_id))


class NewOperatorForm(CreateOperatorForm):
    new_password = new_password_again = None  # type: ignore[assignment]  # Django's way to leave fields out


class DeleteForm(PlainForm):
    name = BoundedField(
        label=_("Type the operator's name to confirm"),
        error_messages={"required": _("Type the name as it is written above.")},
        max_length=TEXT_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected

    def clean_name(self) -> str:
        """Ignore spaces, and how letters are composed."""
        name: str = self.cleaned_data["name"]
        if one_line(name) != one_line(self.expected):
            raise ValidationError(_("That is not the name. Type it as it is written above."), code="name")
        return name
