"""A word for what a preview has shown: other people, or another outcome for one, make another word. Pure.

As many of one kind may come as go between a preview and its confirmation: numbers do not tell.
"""

import hashlib
from collections.abc import Iterable


def fingerprint(shown: Iterable[object], people: Iterable[object]) -> str:
    """Return the word for what is shown besides people, and for people in a fixed order, read one by one.

    Both hold what has one form as text: numbers, words, moments, and tuples of these.
    """
    found = hashlib.sha256(repr(tuple(shown)).encode(errors="backslashreplace"))
    for one in people:
        found.update(f"\n{one!r}".encode(errors="backslashreplace"))
    return found.hexdigest()
