"""A fingerprint of what a preview showed: of the people affected, and what happens to each. Pure.

Counts would not do: between a preview and its confirmation one person can leave and another join.
"""

import hashlib
from collections.abc import Iterable


def fingerprint(context: Iterable[object], people: Iterable[object]) -> str:
    """Hash both in order. They may hold only what always prints alike: numbers, texts, times and tuples."""
    digest = hashlib.sha256(repr(tuple(context)).encode(errors="backslashreplace"))
    for person in people:
        digest.update(f"\n{person!r}".encode(errors="backslashreplace"))
    return digest.hexdigest()
