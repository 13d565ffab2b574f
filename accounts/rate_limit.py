"""Counts events against limits, all in one statement: right for any number of processes and of requests."""

import time
from dataclasses import dataclass

from django.db import connection

from accounts import batches
from accounts.clock import SKEW
from accounts.models import Tally


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `allowed` times in `seconds`; the key names what is counted.

    Once a gate is exceeded, nothing is counted beside it: it bounds how many other keys its holder can make.
    """

    key: str
    allowed: int
    seconds: int
    is_gate: bool = False


def count(limits: list[Limit]) -> int:
    """Count one event against each limit; return 0, or the seconds until none of them is exceeded.

    What is over a limit is counted too, but a window never grows longer by it. Where the server's clock is
    set back, a window that would last longer than its own length begins anew.
    """
    return count_and_claim(limits)[0]


def count_and_claim(limits: list[Limit], claim: Limit | None = None) -> tuple[int, bool]:
    """Does what `count` does, and tells whether the claim was taken before, in that one statement."""
    now = int(time.time())
    counted = [*limits, claim] if claim else limits
    counts = _add(counted, 1, now) or _stored(counted)
    wait = max((ends_at - now for limit in limits for ends_at in _exceeded(limit, counts)), default=0)
    return wait, claim is not None and bool(_exceeded(claim, counts))


def _exceeded(limit: Limit, counts: dict[str, tuple[int, int]]) -> list[int]:
    counted, ends_at = counts.get(limit.key, (0, 0))
    return [ends_at] if counted > limit.allowed else []


def _stored(limits: list[Limit]) -> dict[str, tuple[int, int]]:
    tallies = Tally.objects.filter(key__in=[limit.key for limit in limits])
    return {row.key: (row.count, row.ends_at) for row in tallies}


def give_back(limits: list[Limit]) -> None:
    _add(limits, -1, int(time.time()))


def _add(limits: list[Limit], times: int, now: int) -> dict[str, tuple[int, int]]:
    """By key, the count and the end of its window; nothing where a gate is exceeded already."""
    # In one order everywhere, so that two statements at once do not wait for each other.
    ordered = sorted(limits, key=lambda limit: limit.key)
    first = max(times, 0)
    rows = [value for limit in ordered for value in (limit.key, first, now + limit.seconds)]
    places = ", ".join(["(%s, %s, %s)"] * len(ordered))
    gates = [limit for limit in ordered if limit.is_gate and times > 0]
    shut = " OR ".join(["(key = %s AND count > %s AND ends_at <= %s)"] * len(gates)) or "FALSE"
    limits_of_gates = [
        value for gate in gates for value in (gate.key, gate.allowed, now + gate.seconds + SKEW)
    ]
    # Later than it can end: begun by a clock that was set back since.
    is_over = f"accounts_tally.ends_at <= %s OR accounts_tally.ends_at > excluded.ends_at + {SKEW}"
    # The ORM has no INSERT … ON CONFLICT that computes from the stored row. Both databases speak this.
    statement = f"""
        INSERT INTO accounts_tally (key, count, ends_at)
        SELECT column1, column2, column3 FROM (VALUES {places}) AS fresh
        WHERE NOT EXISTS (SELECT 1 FROM accounts_tally WHERE ends_at > %s AND ({shut}))
        ON CONFLICT (key) DO UPDATE SET
            count = CASE
                WHEN {is_over} OR accounts_tally.count + %s < 0 THEN excluded.count
                ELSE accounts_tally.count + %s
            END,
            ends_at = CASE
                WHEN {is_over} THEN excluded.ends_at
                ELSE accounts_tally.ends_at
            END
        RETURNING key, count, ends_at
        """  # noqa: S608  only placeholders are put together
    with connection.cursor() as cursor:
        cursor.execute(statement, [*rows, now, *limits_of_gates, now, times, times, now])
        return {key: (total, ends_at) for key, total, ends_at in cursor.fetchall()}


def reset(limits: list[Limit]) -> None:
    Tally.objects.filter(key__in=[limit.key for limit in limits]).delete()


def is_there(limit: Limit) -> bool:
    return Tally.objects.filter(key=limit.key, ends_at__gt=int(time.time())).exists()


def delete_ended() -> int:
    return batches.delete(Tally.objects.filter(ends_at__lte=int(time.time())))
