"""What a clock wrote that ran ahead, and was set back since, counts for nothing and holds nobody up."""

import time
from datetime import timedelta

# Seconds by which the clocks of two servers may differ, without anybody having set one.
SKEW = 60
SKEW_DELTA = timedelta(seconds=SKEW)


def is_within(at: float, seconds: int) -> bool:
    """`at` counts seconds since 1970; a moment in the future is not within."""
    return -SKEW <= time.time() - at < seconds
