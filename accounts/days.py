"""When does a day begin and end? By the server's clock (TIME_ZONE): the same moment for everybody."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.formats import date_format

from accounts.policy import Effective


def server_day() -> date:
    return day_of(timezone.now())


def first_moment(day: date) -> datetime:
    """Return when a day begins: at 00:00."""
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def end_of(day: date) -> datetime:
    return first_moment(day + timedelta(days=1))


def day_of(moment: datetime) -> date:
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def last_day(until: datetime) -> date:
    """Return the last day that is over at that moment or has some of it before it."""
    return day_of(until - timedelta(microseconds=1))


def days_left(moment: datetime, now: datetime) -> int:
    """Return in how many days the day of a moment comes; on the day before it is 1."""
    return (day_of(moment) - day_of(now)).days


def in_words(moment: datetime) -> str:
    """Return the day of a moment, the same for readers in every time zone."""
    return date_format(day_of(moment), "DATE_FORMAT")


def announced_day(effective: Effective) -> str:
    """Return from which day on it will be required, "" where no such day is set or it has come."""
    return in_words(effective.starts_at) if effective.starts_at else ""
