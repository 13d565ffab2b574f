"""Who administers an account, and is there always somebody left?"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import BigIntegerField
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.compiled import CompiledQuery, Parameter
from accounts.models import Account
from accounts.text import isolated
from operators.models import Group, Membership, Operator
from operators.rules.status import Status
from operators.status.query import status_condition


class LastAdministratorError(Exception):
    """The change would leave the account without an administrator who can sign in."""


@contextmanager
def one_left(account: Account) -> Iterator[None]:
    """Make a change in a transaction, and undo it where it takes the last administrator with a way in.

    The account is held first, so that two changes at the same time happen one after the other. Then the
    change is made, and its result is looked at. Raises LastAdministratorError.
    """
    with transaction.atomic():
        Account.hold(account.pk)
        had_one = _has_one(account)
        yield
        if had_one and not _has_one(account):
            raise LastAdministratorError


def _has_one(account: Account) -> bool:
    """Whether somebody could administer the account today."""
    return _WITH_A_WAY_IN.first(account=account.pk) is not None


# Compiled once: bulk actions ask twice for each operator.
_WITH_A_WAY_IN: CompiledQuery[Operator] = CompiledQuery(
    lambda: (
        Operator.objects.filter(account=Parameter("account", BigIntegerField()))
        .administrators()
        .with_a_way_in()
        .only("pk")[:1]
    )
)


def appoint(operator: Operator) -> None:
    group = Group.objects.get(account=operator.account_id, kind=Group.Kind.ADMINISTRATORS)
    Membership.objects.get_or_create(operator=operator, group=group)


def is_sole_way_in(operator: Operator) -> bool:
    """Whether nobody could administer the account any more if this operator lost the phone.

    Costs a query only where the operator administers it, is asked for codes, and has no recovery codes.
    """
    if not (operator.is_administrator and operator.is_enrolled and operator.effective.usable):
        return False
    authenticator = operator.authenticator
    if authenticator.recovery_saved_at and authenticator.recovery_codes_left:
        return False
    locked = status_condition(Status.LOCKED, operator.account.rule, timezone.now())
    others: bool = operator.administrators_to_tell().exclude(locked).exists()
    return not others


def last_administrator_stays(operator: Operator) -> str:
    """Say why the last administrator cannot go, and what to do."""
    return _(
        "%(name)s is the last administrator of this account who can sign in, so nothing was changed. "
        "Make somebody else an administrator first."
    ) % {"name": isolated(operator.name)}
