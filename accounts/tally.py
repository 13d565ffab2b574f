"""Counts events against limits, all in one statement: right for any number of processes and of requests."""

import time
from dataclasses import dataclass

from django.db import connection

from accounts.models import Tally


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `allowed` times in `seconds`; the key names what is counted."""

    key: str
    allowed: int
    seconds: int


def count(limits: list[Limit]) -> int:
    """Count one event against each limit; return 0, or the seconds until none of them is exceeded.

    What is over a limit is counted too, but a window never grows longer by it.
    """
    now = int(time.time())
    found = _add(limits, 1, now)
    return max((found[one.key][1] - now for one in limits if found[one.key][0] > one.allowed), default=0)


def give_back(limits: list[Limit]) -> None:
    """Take one event back."""
    _add(limits, -1, int(time.time()))


def _add(limits: list[Limit], times: int, now: int) -> dict[str, tuple[int, int]]:
    """Add to the counts; return for each key its count and the moment when the window ends."""
    # In one order everywhere, so that two statements at once do not wait for each other.
    ordered = sorted(limits, key=lambda limit: limit.key)
    first = max(times, 0)
    rows = [value for limit in ordered for value in (limit.key, first, now + limit.seconds)]
    places = ", ".join(["(%s, %s, %s)"] * len(ordered))
    # The ORM has no INSERT … ON CONFLICT that computes from the stored row. Both databases speak this.
    statement = f"""
        INSERT INTO accounts_tally (key, count, ends_at) VALUES {places}
        ON CONFLICT (key) DO UPDATE SET
            count = CASE
                WHEN accounts_tally.ends_at <= %s OR accounts_tally.count + %s < 0 THEN excluded.count
                ELSE accounts_tally.count + %s
            END,
            ends_at = CASE
                WHEN accounts_tally.ends_at <= %s THEN excluded.ends_at
                ELSE accounts_tally.ends_at
            END
        RETURNING key, count, ends_at
        """  # noqa: S608  only placeholders are put together
    with connection.cursor() as cursor:
        cursor.execute(statement, [*rows, now, times, times, now])
        return {key: (total, ends_at) for key, total, ends_at in cursor.fetchall()}


def reset(limits: list[Limit]) -> None:
    """Forget what was counted."""
    Tally.objects.filter(key__in=[limit.key for limit in limits]).delete()


def delete_ended() -> int:
    """Delete the windows that are over; return how many there were."""
    deleted, _ = Tally.objects.filter(ends_at__lte=int(time.time())).delete()
    return deleted
