"""When does a day end? By the server's clock (TIME_ZONE), so that it is the same moment for everybody."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone


def today() -> date:
    """Return the day that it is on the server's clock."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over."""
    return timezone.make_aware(
        datetime.combine(day + timedelta(days=1), time.min), timezone.get_default_timezone()
    )


def last_day(until: datetime) -> date:
    """Return the last day that is over at that moment or has some of it before it."""
    return timezone.localdate(until - timedelta(microseconds=1), timezone.get_default_timezone())
