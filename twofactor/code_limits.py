"""How long must a person wait after wrong codes? No Django in here.

OWASP ASVS 5.0, 6.3.1 and 6.6.3: guessing a 6-digit code must not pay. NIST SP 800-63B-4, 3.2.2: no more
than 100 wrong ones in a row.
"""

WRONG_CODES_PER_SIGN_IN = 5
FREE_FAILURES = 9
FIRST_DELAY = 30
LONGEST_DELAY = 60 * 60
FAILURES_THAT_LOCK = 100
# More than anybody can have.
NEVER = 2**31 - 1


def delay_after(failures: int) -> int:
    """In seconds: 30 from the tenth wrong code in a row on, doubling."""
    if failures <= FREE_FAILURES:
        return 0
    doublings = min(failures - FREE_FAILURES - 1, 12)
    return min(FIRST_DELAY << doublings, LONGEST_DELAY)


def failures_with_a_delay() -> range:
    longest = next(n for n in range(FREE_FAILURES, FAILURES_THAT_LOCK) if delay_after(n) == LONGEST_DELAY)
    return range(FREE_FAILURES + 1, longest + 1)
