"""Adding an operator to an account: the row, its groups and its override, in one transaction."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.audit import Origin, record
from accounts.models import Account, Action
from operators.forms import CreateOperatorForm, NewOperatorForm, address_taken
from operators.models import Group, Membership, Operator
from operators.override import in_words, override_fields


def add(form: NewOperatorForm, account: Account, by: Origin) -> Operator | None:
    """Store the operator of a valid form, invited or (with a password) joined at once.

    Returns None, with an error beside the field, where the address was taken in the same moment.
    """
    operator = Operator(
        account=account,
        name=form.cleaned_data["name"],
        email=form.cleaned_data["email"],
        sub_account=form.cleaned_data["sub_account"],
        **override_fields(form.value, by, reason=form.reason_given, until=form.ends_at),
    )
    if isinstance(form, CreateOperatorForm):
        operator.joined_at = timezone.now()
        operator.set_password(form.cleaned_data["new_password"])
    else:
        make_invited(operator)
    try:
        store(operator, form.cleaned_data["groups"], by)
    except IntegrityError:
        same_account = Operator.objects.filter(account=account, email=operator.email).exists()
        form.add_error("email", address_taken(same_account=same_account))
        return None
    return operator


def make_invited(operator: Operator) -> None:
    """Let nobody in as this operator before the invitation is accepted."""
    operator.is_active = False
    operator.set_unusable_password()


def store(operator: Operator, groups: Iterable[Group], by: Origin) -> None:
    """Store a new operator with these groups; raises IntegrityError where the address is taken."""
    with transaction.atomic():
        operator.save()
        Membership.objects.bulk_create(Membership(operator=operator, group=group) for group in groups)
        record(Action.OPERATOR_CREATED, by=by, subject=operator, new=", ".join(operator.group_labels))
        if operator.two_factor_override:
            record(Action.OVERRIDE, by=by, subject=operator, new=in_words(operator))
