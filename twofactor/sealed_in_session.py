"""A secret that is shown to one person only: sealed in their own session, so that a reload shows it again.

Nobody else ever sees it, and after a quarter of an hour, or once it is forgotten, nobody at all.
"""

import time
from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from accounts import clock
from accounts.person import Person
from twofactor import vault

LIFETIME = 15 * 60


@dataclass(frozen=True, slots=True)
class SealedInSession:
    key: str
    purpose: vault.Purpose

    def keep(self, session: SessionBase, reader: Person, text: str, **beside: Any) -> None:
        """What is kept beside the text can be read without a key."""
        sealed = vault.seal(text, reader.pk, self.purpose)
        session[self.key] = {"sealed": sealed, "at": time.time(), **beside}

    def kept(self, session: SessionBase) -> dict[str, Any]:
        """Return nothing where its time is over."""
        kept: dict[str, Any] = session.get(self.key, {})
        return kept if kept and clock.is_within(kept["at"], LIFETIME) else {}

    def read(self, session: SessionBase, reader: Person) -> str:
        """Return "" where no key opens it any more: nothing rests on it, and another is made at once."""
        kept = self.kept(session)
        try:
            return vault.unseal(kept["sealed"], reader.pk, self.purpose) if kept else ""
        except vault.SecretUnreadableError:
            return ""

    def forget(self, session: SessionBase) -> dict[str, Any]:
        forgotten: dict[str, Any] = session.pop(self.key, {})
        return forgotten
