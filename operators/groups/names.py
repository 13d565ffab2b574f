"""Keeps the names of an account's groups, and of its sub accounts, unique."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action
from operators.models import Group, SubAccount


class NameTakenError(Exception):
    """Another group or sub account has the name, perhaps in a different letter case."""


@contextmanager
def changing_names(account: Account) -> Iterator[None]:
    """Keep others from changing names of this account until the change is stored. Raises NameTakenError."""
    try:
        with transaction.atomic():
            Account.hold(account.pk)
            yield
    except IntegrityError as error:
        raise NameTakenError from error


def rename(named: Group | SubAccount, name: str, by: Origin, action: Action) -> bool:
    """Return False if it has this name already.

    Raises NameTakenError, and DoesNotExist of its model if it was deleted in the meantime.
    """
    with changing_names(named.account):
        row = type(named).objects.get(pk=named.pk)
        if name == row.name:
            return False
        type(named).objects.filter(pk=named.pk).update(name=name)
        record(action, by=by, account=named.account, old=row.name, new=name)
    return True
