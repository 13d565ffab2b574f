"""What a clock wrote that ran ahead, and was set back since, counts for nothing and holds nobody up."""

import time
from datetime import timedelta

# Seconds by which the clocks of two servers may differ, without anybody having set one.
SKEW = 60
SKEW_DELTA = timedelta(seconds=SKEW)


def is_within(at: float, seconds: int) -> bool:
    """Whether a moment (seconds since 1970) lies within the last so many seconds, and not in the future."""
    return -SKEW <= time.time() - at < seconds
