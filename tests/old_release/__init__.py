"""The database of an old release, and what people held in their hands when it was stopped.

`make.py` has written it down, and test_old_release.py lets the present release carry on with it.
"""

from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
# What the secrets in it are sealed with, and its cookies and links are signed with.
KEYS = {
    "SECRET_KEY": "the-secret-key-of-an-old-release-which-is-used-for-nothing-else-0123456789",
    "TWO_FACTOR_KEYS": ["YW4tb2xkLXJlbGVhc2UncyBrZXktZm9yLXRlc3RzISE="],
}
