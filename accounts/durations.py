"""Says how long something takes."""

from django.utils.translation import ngettext

MINUTE = 60
HOUR = 60 * MINUTE
# Up to here the smaller unit is the clearer one.
SECONDS_UP_TO = 90
MINUTES_UP_TO = 90 * MINUTE


def duration(seconds: int) -> str:
    if seconds < SECONDS_UP_TO and seconds != MINUTE:
        return ngettext("%d second", "%d seconds", seconds) % seconds
    if seconds < MINUTES_UP_TO:
        minutes = round(seconds / MINUTE)
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    hours = round(seconds / HOUR)
    return ngettext("%d hour", "%d hours", hours) % hours
