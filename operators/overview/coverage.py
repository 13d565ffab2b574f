"""How many operators of an account are protected, of how many, now and on the days before?

A day is counted when it begins, again within a minute of a change, and every hour, as overrides end by
themselves. The audit trail, which every change writes in its own transaction, says that there was one; so no
change has to count, however many operators there are. Counting twice does no harm.
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
# Whatever may move somebody into another status, or in or out of those who count.
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
    """Return the groups that have rows of members, the least covered first; one query counts them all."""
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
    found = {row["group"]: row for row in rows}
    groups = [_group(group, found.get(group.pk, {})) for group in groups_of(account.pk)]
    return sorted((one for one in groups if one.group.kind != Group.Kind.EVERYONE), key=_least_covered_first)


def _group(group: Group, row: Mapping[str, int]) -> GroupCoverage:
    by_status = {status: row.get(f"is_{status.name.lower()}", 0) for status in SHOWN_BY_GROUP}
    return GroupCoverage(group, Coverage(by_status[Status.PROTECTED], row.get("counted", 0)), by_status)


def _least_covered_first(one: GroupCoverage) -> tuple[bool, float, int]:
    """Return what groups are sorted by; of two alike the larger first, and last where nobody counts."""
    share = one.coverage.protected / one.coverage.counted if one.coverage.counted else 1.0
    return not one.coverage.counted, share, -one.coverage.counted


def record_due() -> int:
    """Count every account of which today has no count, or one that may be wrong by now; return how many."""
    now = timezone.now()
    day = CoverageDay.objects.filter(account=OuterRef("pk"), day=today(now), counted_at__gt=now - RECOUNT)
    changed = AuditEntry.objects.filter(
        account=OuterRef("account"), action__in=CHANGES, at__gte=OuterRef("counted_at")
    )
    fresh = day.exclude(Exists(changed))
    due = list(Account.objects.filter(~Exists(fresh)))
    for account in due:
        record(account, timezone.now())
    return len(due)


def record(account: Account, now: datetime) -> None:
    """Count the operators of an account and store the result as the day's; an earlier one is replaced."""
    coverage = count(account, now).coverage
    row = CoverageDay(
        account=account,
        day=today(now),
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


def today(now: datetime) -> date:
    """Return the day that a moment belongs to, the same for every reader."""
    return now.astimezone(UTC).date()


def history(account: Account, present: Coverage, now: datetime) -> list[tuple[date, Coverage | None]]:
    """Return the last days, oldest first, today as counted now; None for a day of which there is no count."""
    last = today(now)
    days = [last - timedelta(days=ago) for ago in range(SHOWN_DAYS - 1, 0, -1)]
    stored = CoverageDay.objects.filter(Q(account=account), day__gte=days[0], day__lt=last)
    found = {row.day: Coverage(row.protected, row.counted) for row in stored}
    return [*((day, found.get(day)) for day in days), (last, present)]


def runs(days: Iterable[tuple[date, Coverage | None]]) -> list[list[tuple[int, int]]]:
    """Return the unbroken lines of a chart: (days from its left edge, per cent); gaps stay gaps."""
    found: list[list[tuple[int, int]]] = [[]]
    for number, (_day, coverage) in enumerate(days):
        percent = coverage.percent if coverage else None
        if percent is not None:
            found[-1].append((number, percent))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]
