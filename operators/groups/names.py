"""Is a name free among the groups, or among the sub accounts, of an account?"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from accounts.models import Account


class NameTakenError(Exception):
    """Another one of the account has the name, perhaps in other letter case."""


@contextmanager
def changing_names(account: Account) -> Iterator[None]:
    """Make a change in a transaction in which nobody else changes names of this account.

    Raises NameTakenError where the database has the name already.
    """
    try:
        with transaction.atomic():
            Account.hold(account.pk)
            yield
    except IntegrityError as error:
        raise NameTakenError from error
