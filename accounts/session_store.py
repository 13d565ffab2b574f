"""What the apps below the session store (setting SESSION_ENGINE) know of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from django.contrib.sessions.backends.base import SessionBase

if TYPE_CHECKING:
    from django.contrib.auth.models import _User  # what AUTH_USER_MODEL names


@dataclass(frozen=True, slots=True)
class Act:
    """What a request wants: under which name that is kept, and the key that opens the answer."""

    name: str
    key: bytes


class SessionStore(Protocol):
    """What a session can do besides keeping values."""

    # Whether a page asks by itself, with nobody there: that is no use of the session.
    only_looks_again: bool
    # Whether this request has ended the session that it came with.
    ended: bool
    # What this request wants, and whether it is noted in the row that it does it.
    act: Act | None
    claimed: bool

    @property
    def made_by(self) -> str: ...
    @property
    def code_given(self) -> bool: ...
    @property
    def is_lost(self) -> bool: ...
    @property
    def has_row(self) -> bool: ...
    @property
    def stored_key(self) -> str | None: ...
    def load_user(self, backend: str, pk: int) -> "_User | None": ...
    def restart(self) -> None: ...
    def describe(self, *, address: str | None, user_agent: str, made_by: str) -> None: ...
    def note_code(self) -> None: ...
    def count_attempt(self, limit: int) -> bool: ...
    def take_back_attempt(self) -> None: ...
    def attempts(self) -> int | None: ...
    def stop_waiting(self) -> bool: ...
    def claim(self) -> bool: ...
    def kept(self, act: Act) -> tuple[str, str] | None: ...
    def keep_answer(self, act: Act, sealed: str, *, is_done: bool) -> None: ...
    def store_answer(self, act: Act) -> None: ...


def ours(session: SessionBase) -> SessionStore:
    """Return the session as what it is beyond Django's."""
    return cast("SessionStore", session)
