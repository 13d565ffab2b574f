"""On which day does Required begin, and how many days are left? Days are those of the server's TIME_ZONE."""

from datetime import date, datetime, time

from django.utils import timezone
from django.utils.formats import date_format

from accounts.policy import Effective


def first_moment(day: date) -> datetime:
    """Return when a day begins: at 00:00."""
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def day_of(moment: datetime) -> date:
    """Return the day in which a moment lies."""
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def days_left(moment: datetime, now: datetime) -> int:
    """Return in how many days the day of a moment comes; on the day before it is 1."""
    return (day_of(moment) - day_of(now)).days


def in_words(moment: datetime) -> str:
    """Return the day of a moment, the same for readers in every time zone."""
    return date_format(day_of(moment), "DATE_FORMAT")


def announced_day(effective: Effective) -> str:
    """Return from which day on it will be required, "" where no such day is set or it has come."""
    return in_words(effective.starts_at) if effective.starts_at else ""
