"""Makes sure that every account keeps an administrator who can log in."""

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
def keep_an_administrator(operator: Operator) -> Iterator[None]:
    """Undo the change of the operator made inside, and raise LastAdministratorError, if nobody is left."""
    with transaction.atomic():
        # Two changes at the same time happen one after the other.
        Account.hold(operator.account_id)
        had_one = bool(_with_a_way_in(operator.account_id))
        yield
        # Looked at afterwards, whoever else was there before: a freeze waits for no account.
        if had_one and not _with_a_way_in(operator.account_id):
            raise LastAdministratorError


def _with_a_way_in(account_id: int) -> list[Operator]:
    """Return one of those who can administer the account today, if there are any."""
    return _WITH_A_WAY_IN.rows(account=account_id)


# Compiled once, as bulk actions ask for each operator. A join: for `administrators()` PostgreSQL reads the
# members of all groups, which takes ten times as long in a large account.
_WITH_A_WAY_IN: CompiledQuery[Operator] = CompiledQuery(
    lambda: (
        Operator.objects.filter(
            memberships__group__account=Parameter("account", BigIntegerField()),
            memberships__group__kind=Group.Kind.ADMINISTRATORS,
        )
        .with_a_way_in()
        .only("pk")[:1]
    )
)


def appoint(operator: Operator) -> None:
    group = Group.objects.get(account=operator.account_id, kind=Group.Kind.ADMINISTRATORS)
    Membership.objects.get_or_create(operator=operator, group=group)


def is_sole_way_in(operator: Operator) -> bool:
    """Whether nobody could administer the account if this operator lost their phone."""
    # Checked first, as most need no query.
    if not (operator.is_administrator and operator.is_enrolled and operator.effective.usable):
        return False
    authenticator = operator.authenticator
    if authenticator.recovery_saved_at and authenticator.recovery_codes_left:
        return False
    locked = status_condition(Status.LOCKED, operator.account.rule, timezone.now())
    others: bool = operator.administrators_to_tell().exclude(locked).exists()
    return not others


def last_administrator_message(operator: Operator) -> str:
    return _(
        "%(name)s is the last administrator of this account who can sign in, so nothing was changed. "
        "Make somebody else an administrator first."
    ) % {"name": isolated(operator.name)}
