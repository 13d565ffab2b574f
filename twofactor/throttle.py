"""How long must a person wait after wrong codes? No Django in here.

OWASP ASVS 5.0, 6.3.1 and 6.6.3: guessing a 6-digit code must not pay.
"""

WRONG_CODES_PER_SIGN_IN = 5
FREE_FAILURES = 9
FIRST_DELAY = 30
LONGEST_DELAY = 60 * 60


def delay_after(failures: int) -> int:
    """Return the seconds to wait after so many wrong codes in a row: from the tenth on 30, doubling."""
    if failures <= FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES - 1, 12)
    return min(FIRST_DELAY << doublings, LONGEST_DELAY)
