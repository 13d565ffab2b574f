"""Limits how many addresses of other accounts' operators an administrator can find out.

Addresses are unique across accounts, so inviting one that another account has must fail. The form and the
check of a table don't say so. The act itself has to: there each is counted for the account and written into
its audit trail. An administrator who probes addresses leaves a row of entries, and is stopped after a few.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext as _

from accounts import rate_limit
from accounts.audit.trail import Origin, record
from accounts.durations import duration
from accounts.limits import refusals
from accounts.limits.password_limits import DAY
from accounts.limits.refusals import What
from accounts.models import Account, Action
from operators.fields import TAKEN

# An honest account meets a few such addresses at most.
MOST = 50


class TakenError(Exception):
    @property
    def text(self) -> str:
        return str(TAKEN)


class ElsewhereError(Exception):
    """An operator of another account has the address; the administrator must not learn more."""

    def __init__(self, email: str) -> None:
        super().__init__()
        self.email = email

    @property
    def text(self) -> str:
        return _("That address cannot be invited.")


class TooManyTriesError(Exception):
    """Too many addresses were refused today: no other is tried for `wait` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait

    @property
    def text(self) -> str:
        text = _("Too many addresses could not be invited. You can add operators again in %(wait)s.")
        return text % {"wait": duration(self.wait)}


REFUSALS = (TakenError, ElsewhereError, TooManyTriesError)


@contextmanager
def count_attempt(account: Account, by: Origin) -> Iterator[None]:
    """Count an attempt to add an operator, and give it back unless another account has the address.

    Goes around the attempt's transaction, and counts first: many at once do not slip through. Raises
    TooManyTriesError.
    """
    limits = [rate_limit.Limit(f"address elsewhere {account.pk}", MOST, DAY)]
    if wait := rate_limit.count(limits):
        if by.actor:
            refusals.note(What.ADDRESSES, by.actor, by, wait)
        raise TooManyTriesError(wait)
    address_elsewhere = False
    try:
        yield
    except ElsewhereError as error:
        address_elsewhere = True
        record(Action.ADDRESS_ELSEWHERE, by=by, account=account, new=error.email)
        raise
    finally:
        if not address_elsewhere:
            rate_limit.give_back(limits)
