"""Forms for a new name, address or password."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.durations import duration
from accounts.forms import NameField, NewPasswordForm, PasswordField, check_new_password
from accounts.http import SignedInRequest, data_of
from accounts.plain_form import PlainForm
from operators.fields import AddressField
from operators.models import Operator
from twofactor.proof import check_own_password


class OperatorNameForm(PlainForm):
    name = NameField(widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}))


class EmailForm(PlainForm):
    email = AddressField(label=_("New email"))

    def __init__(self, data: QueryDict | None, *, operator: Operator, viewer: Operator) -> None:
        super().__init__(data)
        self.operator = operator
        self.viewer = viewer

    def clean_email(self) -> str:
        """Reveal a colleague's address to administrators only, who see it anyway.

        For every other address the page answers the same, taken or not: see operators.people.profile.
        """
        email: str = self.cleaned_data["email"]
        if email == self.operator.email:
            raise ValidationError(_("That is the address already."), code="same")
        colleagues = Operator.objects.filter(email=email, account=self.operator.account_id)
        if self.viewer.is_administrator and colleagues.exists():
            raise ValidationError(_("Another operator of this account has this address."), code="taken")
        return email

    def refuse_for(self, seconds: int) -> None:
        text = _("No further link can be sent now. You can send another one in %(wait)s.")
        self.add_error("email", ValidationError(text, code="too_soon", params={"wait": duration(seconds)}))

    def mail_failed(self) -> None:
        text = _("The email to %(email)s could not be sent: nothing has changed. Try again in some minutes.")
        self.add_error(None, ValidationError(text, code="mail", params={"email": self.cleaned_data["email"]}))


class ChangePasswordForm(PlainForm):
    autofocus = "current_password"

    current_password = PasswordField(label=_("Current password"), autocomplete="current-password")
    new_password = NewPasswordForm.base_fields["new_password"]
    new_password_again = NewPasswordForm.base_fields["new_password_again"]

    def __init__(self, request: SignedInRequest) -> None:
        super().__init__(data_of(request))
        self.request = request

    def clean_current_password(self) -> str:
        """Count it as a login attempt is counted: a stolen session must not find out the password."""
        password: str = self.cleaned_data["current_password"]
        check_own_password(self.request, password)
        return password

    def clean(self) -> None:
        check_new_password(self, self.request.user)
