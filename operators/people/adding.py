"""Adds an operator to an account: the row, its groups and its override, in one transaction."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.models import Group, Membership, Operator
from operators.overrides.forms import chosen_override
from operators.overrides.override import in_words, override_fields
from operators.people import address_tries
from operators.people.address_tries import ElsewhereError, TakenError
from operators.people.forms import CreateOperatorForm
from operators.status.labels import group_labels


def add(form: CreateOperatorForm, account: Account, by: Origin) -> Operator | None:
    """Return None, with an error in the form, if the address is taken.

    Only here does it show that an operator of another account has it: see operators.people.address_tries.
    """
    override = chosen_override(form.cleaned_data)
    operator = Operator(
        account=account,
        name=form.cleaned_data["name"],
        email=form.cleaned_data["email"],
        sub_account=form.cleaned_data["sub_account"],
        **override_fields(override.policy, by, reason=override.reason, until=override.ends_at),
    )
    if password := form.cleaned_data.get("new_password"):
        operator.joined_at = timezone.now()
        operator.set_password(password)
    else:
        make_invited(operator)
    try:
        with address_tries.count_attempt(account, by):
            store(operator, form.cleaned_data["groups"], by)
    except address_tries.REFUSALS as error:
        form.add_error("email", error.text)
        return None
    return operator


def make_invited(operator: Operator) -> None:
    operator.is_active = False
    operator.set_unusable_password()


def store(operator: Operator, groups: Iterable[Group], by: Origin) -> None:
    """Raise TakenError or ElsewhereError if an operator of this or another account has the address."""
    try:
        with transaction.atomic():
            _insert(operator, groups, by)
    except IntegrityError as error:
        colleagues = Operator.objects.filter(account=operator.account_id, email=operator.email)
        raise (TakenError if colleagues.exists() else ElsewhereError)(operator.email) from error


def _insert(operator: Operator, groups: Iterable[Group], by: Origin) -> None:
    operator.save()
    Membership.objects.bulk_create(Membership(operator=operator, group=group) for group in groups)
    record(Action.OPERATOR_CREATED, by=by, subject=operator, new=", ".join(group_labels(operator)))
    if operator.two_factor_override:
        record(Action.OVERRIDE, by=by, subject=operator, new=in_words(operator))
