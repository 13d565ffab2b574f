"""Who else is here? An administrator finds that out at the confirmed act only, and not often.

Addresses are unique in all accounts, so that inviting one which another account has must fail. The form and
the check of a table say nothing of it. The act itself has to, and there it is counted for the account and
written into its trail: whoever tries addresses leaves a row of entries, and comes no further than some.
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

# An account whose people are known here already notices after a few.
MOST = 50


class TakenError(Exception):
    @property
    def text(self) -> str:
        return str(TAKEN)


class ElsewhereError(Exception):
    """An operator of another account has the address, of which nothing more is told."""

    def __init__(self, email: str) -> None:
        super().__init__()
        self.email = email

    @property
    def text(self) -> str:
        return _("That address cannot be invited.")


class TooManyTriesError(Exception):
    """So many addresses could not be invited today that no further one is tried; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait

    @property
    def text(self) -> str:
        text = _("Too many addresses could not be invited. You can add operators again in %(wait)s.")
        return text % {"wait": duration(self.wait)}


REFUSALS = (TakenError, ElsewhereError, TooManyTriesError)


@contextmanager
def counted(account: Account, by: Origin) -> Iterator[None]:
    """Count a try to add an operator, unless it tells nothing of other accounts; around its transaction.

    It is counted before it is made, however many are made at once. Raises TooManyTriesError.
    """
    limits = [rate_limit.Limit(f"address elsewhere {account.pk}", MOST, DAY)]
    if wait := rate_limit.count(limits):
        if by.actor:
            refusals.note(What.ADDRESSES, by.actor, by, wait)
        raise TooManyTriesError(wait)
    told = False
    try:
        yield
    except ElsewhereError as error:
        told = True
        record(Action.ADDRESS_ELSEWHERE, by=by, account=account, new=error.email)
        raise
    finally:
        if not told:
            rate_limit.give_back(limits)
