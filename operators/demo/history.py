"""Makes up the demo's past: daily coverage and setup links."""

from datetime import datetime, timedelta

from accounts.models import Account
from invitations.ledger import LinkRecord
from operators.models import Operator
from operators.models.coverage_day import CoverageDay
from operators.overview.coverage import utc_day

DAYS = 60
# A weekend in which no worker ran: the chart shows a gap.
WITHOUT_A_COUNT = (23, 24)
COUNTED = 15
ENDS = (LinkRecord.End.REPLACED, LinkRecord.End.USED, LinkRecord.End.WITHDRAWN, "")


def make(account: Account, now: datetime) -> None:
    CoverageDay.objects.bulk_create(
        CoverageDay(
            account=account,
            day=utc_day(now) - timedelta(days=ago),
            counted=COUNTED,
            protected=1 + (DAYS - ago) * 6 // DAYS,
            counted_at=now - timedelta(days=ago),
        )
        for ago in range(DAYS, 0, -1)
        if ago not in WITHOUT_A_COUNT
    )
    olga, *_others = Operator.objects.filter(account=account).order_by("pk")[1:]
    LinkRecord.objects.bulk_create(
        _setup_link(olga, now - timedelta(days=len(ENDS) - number), end) for number, end in enumerate(ENDS)
    )


def _setup_link(operator: Operator, asked_at: datetime, end: str) -> LinkRecord:
    minutes = timedelta(minutes=1)
    return LinkRecord(
        account=operator.account,
        kind=LinkRecord.Kind.SETUP,
        person_id=operator.pk,
        person_name=str(operator),
        asked_by=str(operator),
        nonce=operator.session_nonce,
        asked_at=asked_at,
        sent_at=asked_at + minutes,
        opened_at=asked_at + 5 * minutes if end == LinkRecord.End.USED else None,
        expires_at=asked_at + 61 * minutes,
        ended_at=asked_at + 9 * minutes if end else None,
        end=end,
    )
