"""Keeps the names of an account's groups, and of its sub accounts, unique."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from accounts.models import Account


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
