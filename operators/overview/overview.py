"""The content of the two-factor overview: who is protected, who is not, and what to do next."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, Q, QuerySet

from accounts.models import Account, Action, AuditEntry
from accounts.models.outgoing_mail import OutgoingMail
from invitations.models import Link
from operators.administrators import is_sole_way_in
from operators.models import Operator
from operators.overview import coverage
from operators.overview.coverage import GroupCoverage
from operators.rules.next_thing import NextThing, Numbers, next_thing
from operators.rules.status import Status
from operators.status.counts import Coverage, StatusCounts, count
from operators.status.query import rows_where, status_condition

SHOWN = 5  # rows of each list; a link leads to the others
SHOWN_GROUPS = 25
# Those who can set it up and haven't.
OPEN = (Status.REQUIRED, Status.OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    counts: StatusCounts
    groups: list[GroupCoverage]
    more_groups: int
    history: list[tuple[date, Coverage | None]]
    excepted: list[Operator]
    setup_links: list[Link]
    open_setup_links: int
    resets: list[AuditEntry]
    numbers: Numbers
    next_thing: NextThing


def overview(viewer: Operator, now: datetime) -> Overview:
    """A fixed number of queries, however large the account."""
    account = viewer.account
    counts = count(account, now)
    groups = coverage.by_group(account, now)
    links = open_setup_links(account, now)
    numbers = _numbers(viewer, counts, now)
    return Overview(
        counts=counts,
        groups=groups[:SHOWN_GROUPS],
        more_groups=len(groups[SHOWN_GROUPS:]),
        history=coverage.history(account, counts.coverage, now),
        excepted=list(_excepted(account, now)[:SHOWN]),
        setup_links=list(links[:SHOWN]),
        open_setup_links=links.count(),
        resets=list(AuditEntry.objects.filter(account=account, action=Action.TWO_FACTOR_RESET)[:SHOWN]),
        numbers=numbers,
        next_thing=next_thing(numbers),
    )


def open_setup_links(account: Account, now: datetime) -> QuerySet[Link]:
    return (
        Link.objects.select_related("user", "mail")
        .filter(
            purpose=Link.Purpose.SETUP,
            user__account=account,
            nonce=F("user__session_nonce"),
            spent_at=None,
            expires_at__gt=now,
        )
        .order_by("-created_at", "-pk")
    )


def _excepted(account: Account, now: datetime) -> QuerySet[Operator]:
    condition = rows_where(lambda facts: facts.is_exception(account.rule, now), now)
    operators: QuerySet[Operator] = Operator.objects.filter(condition, account=account)
    return operators.order_by("override_at", "pk")


def _numbers(viewer: Operator, counts: StatusCounts, now: datetime) -> Numbers:
    account = viewer.account
    not_set_up = status_condition(Status.REQUIRED, account.rule, now)
    not_set_up |= status_condition(Status.OPTIONAL, account.rule, now)
    administrators = Operator.objects.filter(not_set_up, account=account).administrators()
    return Numbers(
        self_open=viewer.status in OPEN,
        administrators_open=administrators.count(),
        locked=counts.by_status.get(Status.LOCKED, 0),
        one_phone=is_sole_way_in(viewer),
        failed_mails=failed_link_mails(account, now),
        required=counts.by_status.get(Status.REQUIRED, 0),
        expired_invitations=Operator.objects.filter(account=account).invited(live=False).count(),
        optional=counts.by_status.get(Status.OPTIONAL, 0),
        policy=account.two_factor_policy,
        percent=counts.coverage.percent,
    )


def failed_link_mails(account: Account, now: datetime) -> int:
    failed = Link.objects.filter(
        Q(purpose=Link.Purpose.SETUP) | Q(purpose=Link.Purpose.INVITATION),
        user__account=account,
        nonce=F("user__session_nonce"),
        spent_at=None,
        expires_at__gt=now,
        mail__state__in=OutgoingMail.FAILURES,
    )
    return failed.count()
