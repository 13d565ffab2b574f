"""How many operators are protected, now, in each group, and on each of the last days.

A day is counted when it begins, again within a minute of a change, and every hour, because overrides end by
themselves. No change has to count, however many operators there are: the audit trail, written in the
transaction of every change, tells that there was one. Counting twice does no harm.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry
from operators.groups.groups import groups_of
from operators.models import Group, Operator
from operators.models.coverage_day import CoverageDay
from operators.rules.status import Status
from operators.status.counts import Coverage, count, counts_for_coverage
from operators.status.query import rows_where, status_condition

RECOUNT = timedelta(hours=1)
SHOWN_DAYS = 90
# Everything that may change an operator's status, or whether coverage counts them.
CHANGES = (
    Action.ACCOUNT_POLICY,
    Action.OVERRIDE,
    Action.SIGN_IN_METHOD,
    Action.TWO_FACTOR_ENROLLED,
    Action.TWO_FACTOR_RESET,
    Action.AUTHENTICATOR_LOCKED,
    Action.FROZEN,
    Action.FREED,
    Action.RECOVERY_CODE_USED,
    Action.OPERATOR_CREATED,
    Action.INVITATION_ACCEPTED,
    Action.DEACTIVATED,
    Action.ACTIVATED,
    Action.DELETED,
)
SHOWN_BY_GROUP = (Status.PROTECTED, Status.REQUIRED, Status.OPTIONAL, Status.DISABLED, Status.LOCKED)


@dataclass(frozen=True, slots=True)
class GroupCoverage:
    group: Group
    coverage: Coverage
    by_status: dict[Status, int]


def by_group(account: Account, now: datetime) -> list[GroupCoverage]:
    """All groups but Everyone, the least covered first; one query counts them all."""
    rule = account.rule
    numbers = {
        f"is_{status.name.lower()}": Count("pk", filter=status_condition(status, rule, now))
        for status in SHOWN_BY_GROUP
    }
    rows = (
        Operator.objects.filter(account=account, memberships__isnull=False)
        .order_by()
        .values(group=F("memberships__group"))
        .annotate(counted=Count("pk", filter=rows_where(counts_for_coverage, now)), **numbers)
    )
    row_of_group = {row["group"]: row for row in rows}
    groups = [_group(group, row_of_group.get(group.pk, {})) for group in groups_of(account.pk)]
    return sorted((row for row in groups if row.group.kind != Group.Kind.EVERYONE), key=_least_covered_first)


def _group(group: Group, row: Mapping[str, int]) -> GroupCoverage:
    by_status = {status: row.get(f"is_{status.name.lower()}", 0) for status in SHOWN_BY_GROUP}
    return GroupCoverage(group, Coverage(by_status[Status.PROTECTED], row.get("counted", 0)), by_status)


def _least_covered_first(row: GroupCoverage) -> tuple[bool, float, int]:
    """Of two alike the larger first; last those in which nobody is counted."""
    share = row.coverage.protected / row.coverage.counted if row.coverage.counted else 1.0
    return not row.coverage.counted, share, -row.coverage.counted


def record_due() -> int:
    """Count every account that has no count of today, or one that may be outdated; return how many."""
    now = timezone.now()
    day = CoverageDay.objects.filter(account=OuterRef("pk"), day=utc_day(now), counted_at__gt=now - RECOUNT)
    changed = AuditEntry.objects.filter(
        account=OuterRef("account"), action__in=CHANGES, at__gte=OuterRef("counted_at")
    )
    fresh = day.exclude(Exists(changed))
    due = list(Account.objects.filter(~Exists(fresh)))
    for account in due:
        record(account, timezone.now())
    return len(due)


def record(account: Account, now: datetime) -> None:
    """Store today's count, replacing an earlier one of the day."""
    coverage = count(account, now).coverage
    row = CoverageDay(
        account=account,
        day=utc_day(now),
        counted=coverage.counted,
        protected=coverage.protected,
        counted_at=now,
    )
    CoverageDay.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["account", "day"],
        update_fields=["counted", "protected", "counted_at"],
    )


def utc_day(now: datetime) -> date:
    """The day in UTC, the same for every reader."""
    return now.astimezone(UTC).date()


def history(account: Account, present: Coverage, now: datetime) -> list[tuple[date, Coverage | None]]:
    """Oldest first, today as counted now; None for a day without a count."""
    last = utc_day(now)
    days = [last - timedelta(days=ago) for ago in range(SHOWN_DAYS - 1, 0, -1)]
    stored = CoverageDay.objects.filter(Q(account=account), day__gte=days[0], day__lt=last)
    coverage_on = {row.day: Coverage(row.protected, row.counted) for row in stored}
    return [*((day, coverage_on.get(day)) for day in days), (last, present)]


def runs(days: Iterable[tuple[date, Coverage | None]]) -> list[list[tuple[int, int]]]:
    """The unbroken lines of the chart, as (days from its left edge, per cent): gaps stay gaps."""
    lines: list[list[tuple[int, int]]] = [[]]
    for number, (_day, coverage) in enumerate(days):
        percent = coverage.percent if coverage else None
        if percent is not None:
            lines[-1].append((number, percent))
        elif lines[-1]:
            lines.append([])
    return [line for line in lines if line]
