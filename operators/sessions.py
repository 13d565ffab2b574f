"""Database sessions with one statement for each change.

Django's own store looks a new key up before it inserts it, and deletes in two statements; here the
primary key decides. A changed key (at each step of a sign-in) renames the row in one statement, so there
is no moment with two rows, and a session that was ended meanwhile is not brought back to life.
"""

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError


class SessionStore(db.SessionStore):
    """One browser's session."""

    _renamed_from: str | None = None

    def exists(self, session_key: str) -> bool:
        """Leave it to the INSERT: a random key is never taken, and if it were, that would fail."""
        return False

    def cycle_key(self) -> None:
        """Give the session a new key when it is next saved."""
        self._get_session()  # type: ignore[attr-defined]
        if self.session_key:
            self._renamed_from = self.session_key
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
        self.modified = True

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        """Write the session; raise UpdateError where its row has gone."""
        if must_create or not self._renamed_from:
            super().save(must_create=must_create)
            return
        row = self.create_model_instance(self._get_session())  # type: ignore[attr-defined]
        changed = self.model.objects.filter(session_key=self._renamed_from).update(
            session_key=row.session_key, session_data=row.session_data, expire_date=row.expire_date
        )
        self._renamed_from = None
        if not changed:
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row in one statement."""
        key = session_key or self._renamed_from or self.session_key
        if key:
            self.model.objects.filter(session_key=key).delete()
