"""When does a day begin and end? By the server's clock (TIME_ZONE): the same moment for everybody."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.formats import date_format

from accounts.policy import Effective


def server_day() -> date:
    return day_of(timezone.now())


def first_moment(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def end_of(day: date) -> datetime:
    return first_moment(day + timedelta(days=1))


def day_of(moment: datetime) -> date:
    return timezone.localtime(moment, timezone.get_default_timezone()).date()


def last_day(until: datetime) -> date:
    """A day counts if any of it lies before that moment."""
    return day_of(until - timedelta(microseconds=1))


def days_left(moment: datetime, now: datetime) -> int:
    """It is 1 on the day before, at any hour."""
    return (day_of(moment) - day_of(now)).days


def in_words(moment: datetime) -> str:
    """The same for readers in every time zone."""
    return date_format(day_of(moment), "DATE_FORMAT")


def announced_day(effective: Effective) -> str:
    """Empty where no such day is set, or it has come."""
    return in_words(effective.starts_at) if effective.starts_at else ""
