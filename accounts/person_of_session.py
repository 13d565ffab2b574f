"""The person who was read together with the session, handed to the backend that is asked for them next.

Django's backends are given a number and nothing else; without this each request would read the person twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from operators.models import Operator

_known: ContextVar["Operator | None"] = ContextVar("person_of_session", default=None)


@contextmanager
def known(person: "Operator | None") -> Iterator[None]:
    """Let `find` know this person within the block, and in no other request."""
    token = _known.set(person)
    try:
        yield
    finally:
        _known.reset(token)


def find(user_id: Any) -> "Operator | None":
    """Return the person of that number, where it is the one of the session."""
    person = _known.get()
    return person if person is not None and str(person.pk) == str(user_id) else None
