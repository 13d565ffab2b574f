"""A right password, and then no code: the mark of somebody who knows a password and has nothing else.

The trail has an entry for each such login. The user is told of it where it was in a browser in which they
have not been before, once a day: who has only mislaid the phone gets no flood. How many there can be is
limited where the password is taken (accounts.limits): its try stays counted until the login is finished.
"""

from django.contrib.auth import get_user_model
from django.db import transaction

from accounts.audit.trail import Origin, record
from accounts.limits.password_limits import DAY
from accounts.mail import notices
from accounts.models import Action
from accounts.rate_limit import Limit, count
from twofactor import emails


@transaction.atomic
def tell(user_id: int, address: str | None, *, known: bool) -> None:
    user = get_user_model().objects.filter(pk=user_id).select_related("account").first()
    if user is None:
        return
    record(Action.LOGIN_UNFINISHED, by=Origin(address=address), subject=user)
    if not known and not count([Limit(f"unfinished told {user_id}", 1, DAY)]):
        notices.tell(user, emails.LOGIN_WAS_NOT_FINISHED, address)
