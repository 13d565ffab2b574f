"""Stores sessions: one row a browser, and one statement for each change of it.

Django's own store looks up a new key before inserting it, and deletes in two statements; here the primary key
decides. A new key (at each step of a login) renames the row in one statement, so there are never two rows,
and a session that was ended in between is not brought back to life.
"""

import secrets
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth import get_user, load_backend
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import session_store
from accounts.clock import SKEW_DELTA
from accounts.compiled import CompiledUpdate, Parameter
from accounts.sent_twice import DONE, NOT_DONE, UNDER_WAY
from accounts.session_store import Act
from operators import backends
from operators.models import Operator, session_with_person
from operators.models.session import Session, idle_since
from twofactor import pending

# How far "last seen" may lag: writing it costs a page a second statement.
SEEN_EVERY = timedelta(minutes=5)
# For a session in which nothing was done that could be sent twice.
NO_ACT: dict[str, Any] = {"act": "", "act_until": None, "answer": ""}


_COUNTED = {"wrong_codes": F("wrong_codes") + 1}


def _may_count() -> QuerySet[Session]:
    limit = Parameter("limit", models.IntegerField())
    return _row("session_key").filter(wrong_codes__lt=limit)


def _row(key: str) -> QuerySet[Session]:
    return Session.objects.filter(session_key=Parameter(key, models.CharField()))


def _claimed(row: QuerySet[Session], **changes: Any) -> tuple[QuerySet[Session], dict[str, Any]]:
    """Note the act along with the changes, unless the same act has begun already."""
    now, act = Parameter("now", models.DateTimeField()), Parameter("act", models.CharField())
    until = Parameter("now", models.DateTimeField(), of=lambda now: now + UNDER_WAY)
    changes |= {"act": act, "act_until": until, "answer": ""}
    return row.exclude(act=act, act_until__gt=now), changes


_COUNT = CompiledUpdate(lambda: (_may_count(), _COUNTED))
_COUNT_AND_CLAIM = CompiledUpdate(lambda: _claimed(_may_count(), **_COUNTED))
_CLAIM = CompiledUpdate(
    lambda: _claimed(_row("session_key").filter(expire_date__gt=Parameter("now", models.DateTimeField())))
)


@cache
def _change(columns: tuple[str, ...]) -> CompiledUpdate:
    fields: Any = map(Session._meta.get_field, columns)
    changes = {name: Parameter(name, field) for name, field in zip(columns, fields, strict=True)}
    return CompiledUpdate(lambda: (_row("stored_key"), changes))


class SessionStore(db.SessionStore, session_store.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._sent_key = session_key
        self._renamed_from: str | None = None
        self._restarted = False
        # Whether the page sent this request by itself: that does not count as using the session.
        self.only_looks_again = False
        # Whether this request has ended the session it came with.
        self.ended = False
        # What this request does, and what the next save stores of it.
        self.act: Act | None = None
        self.claimed = False
        self._answered: dict[str, Any] = {}
        self._stored_user: str | None = None
        self._made_by, self._code_given = "", False
        self._described: dict[str, Any] = {}
        self._person: Operator | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_new_session_key(self) -> str:
        """160 random bits: as many as Django's key has, without a call for each letter.

        Nor is it looked up: a random key is never taken, and if it were, the INSERT would fail.
        """
        return secrets.token_hex(20)

    def describe(self, *, address: str | None, user_agent: str, made_by: str) -> None:
        self._described |= {"address": address, "user_agent": user_agent, "made_by": made_by}
        self._made_by = made_by
        self.modified = True

    def note_code(self) -> None:
        self._described["code_given"] = self._code_given = True
        self.modified = True

    @property
    def made_by(self) -> str:
        """How the operator logged in, "" where unknown."""
        self._get_session()  # type: ignore[attr-defined]
        return self._made_by

    @property
    def code_given(self) -> bool:
        self._get_session()  # type: ignore[attr-defined]
        return self._code_given

    @property
    def is_lost(self) -> bool:
        """Whether the browser sent the key of a session that does not exist."""
        self._get_session()  # type: ignore[attr-defined]
        return self._sent_key is not None and self.session_key is None

    @property
    def has_row(self) -> bool:
        self._get_session()  # type: ignore[attr-defined]
        return self.session_key is not None

    def cycle_key(self) -> None:
        self._get_session()  # type: ignore[attr-defined]
        if self.session_key:
            self._renamed_from = self.stored_key
            self._session_key = self._get_new_session_key()
        self.modified = True

    def flush(self) -> None:
        self._break_off()
        super().flush()
        self._forget_row()
        self._renamed_from, self._restarted = None, False
        self.ended, self.claimed = True, False

    def restart(self) -> None:
        """End the session and begin another in its row, under a new key.

        Unlike with `flush` there is always a row, where the same request sent again finds the first.
        """
        self._break_off()
        self.clear()
        self._forget_row()
        if self.session_key:
            self._restarted = True
            self.cycle_key()

    def _break_off(self) -> None:
        """Report a login that ends here without its code; one whose time was over is reported already."""
        if self.person is not None:
            pending.broken_off(self._get_session())  # type: ignore[attr-defined]

    def _forget_row(self) -> None:
        self._stored_user, self._person, self._described = None, None, {}
        self._made_by, self._code_given = "", False

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        """Raise UpdateError if the row is gone."""
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        if must_create or not self.session_key:
            super().save(must_create=must_create)
        elif not self._store(data):
            if not self._restarted:
                raise UpdateError
            super().save(must_create=True)
        self._renamed_from, self._restarted = None, False
        self._stored_user, self._described, self._answered = data.get(USER_KEY), {}, {}

    def _store(self, data: dict[str, Any]) -> bool:
        values = {"session_key": self.session_key, **self._values(data)}
        if self._restarted:
            # Overwrite everything about the session before, its public id too.
            row = self.create_model_instance(data)
            values = {field.attname: getattr(row, field.attname) for field in Session._meta.concrete_fields}
        return bool(_change(tuple(values)).execute(stored_key=self.stored_key, **values))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        end = self.get_expiry_date()
        return Session(**{"session_key": self.session_key, "expire_date": end, **self._values(data)})

    def _values(self, data: dict[str, Any]) -> dict[str, Any]:
        values = {"session_data": self.encode(data), **self._described}
        # Read from the session itself, so that no way of logging in can leave a session out of the lists.
        user = data.get(USER_KEY)
        if user != self._stored_user:
            now = timezone.now()
            # The end is set at login: nothing done in a session makes it last longer.
            values |= {"user_id": user, "signed_in_at": now, "last_seen_at": now, "wrong_codes": 0}
            values["expire_date"] = self.get_expiry_date()
        elif user is None:
            values["user_id"] = pending.user_id_in(data)
        if self._renamed_from:
            values |= NO_ACT
        return values | self._answered

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.stored_key
        if key:
            self.model.objects.filter(session_key=key).delete()

    def claim(self) -> bool:
        """Return False if the same act is under way or done already, or the session has ended."""
        return self._begin_act(_CLAIM, session_key=self.session_key)

    def count_attempt(self, limit: int) -> bool:
        """Count one more attempt at a code; False if there were `limit` of them.

        One statement on the stored row decides, however many requests come at once. In an ended session, and
        for the second of two equal requests, nothing is counted: False too.
        """
        if self.act is None or self.claimed:
            return bool(_COUNT.execute(session_key=self.stored_key, limit=limit))
        return self._begin_act(_COUNT_AND_CLAIM, session_key=self.stored_key, limit=limit)

    def take_back_attempt(self) -> None:
        row = Session.objects.filter(session_key=self.stored_key, wrong_codes__gt=0)
        row.update(wrong_codes=F("wrong_codes") - 1)

    def stop_waiting(self) -> bool:
        """Note that no login waits in the row anymore; true for one of several callers only."""
        row = Session.objects.filter(session_key=self.stored_key, user__isnull=False, signed_in_at=None)
        return bool(row.update(user=None))

    def _begin_act(self, statement: CompiledUpdate, **values: Any) -> bool:
        act: Any = self.act
        self.claimed = bool(statement.execute(now=timezone.now(), act=act.name, **values))
        return self.claimed

    def kept(self, act: Act) -> tuple[str, str] | None:
        """Return the key of the session with the act, and its answer: "" while it is under way."""
        now = timezone.now()
        rows = Session.objects.filter(act=act.name, act_until__gt=now, expire_date__gt=now)
        return rows.values_list("session_key", "answer").first()

    def keep_answer(self, act: Act, sealed: str, *, is_done: bool) -> None:
        """Store the answer with the next save of the session; "" ends the claim."""
        lifetime = DONE if is_done else NOT_DONE
        answer = {"act": act.name, "act_until": timezone.now() + lifetime, "answer": sealed}
        self._answered = answer if sealed else NO_ACT

    def store_answer(self, act: Act) -> None:
        """Store the answer if no save of the session did."""
        if self._answered:
            Session.objects.filter(act=act.name).update(**self._answered)

    def attempts(self) -> int | None:
        """Return the attempts at a code counted so far; None if the session has ended or has a new key."""
        row = Session.objects.filter(session_key=self.stored_key)
        return row.values_list("wrong_codes", flat=True).first()

    @property
    def stored_key(self) -> str | None:
        """The key of the stored row: a changed key is stored with the next save."""
        return self._renamed_from or self.session_key

    @property
    def person(self) -> Operator | None:
        """Who is logged in, or still has to give a code."""
        self._get_session()  # type: ignore[attr-defined]  # reads the row, if nothing has yet
        return self._person

    def load_user(self, backend: str, pk: int) -> Operator | None:
        """Return the person of that number whom the backend lets in; who waits here costs no second query."""
        with backends.known(self.person):
            user: Operator | None = load_backend(backend).get_user(pk)
        return user

    def _get_session_from_db(self) -> Session | None:
        row = session_with_person(self.session_key) if self.session_key else None
        if row is not None and _is_over(row):
            # Deleted, so that it stays ended even if the clock is set back.
            Session.objects.filter(pk=row.pk, last_seen_at=row.last_seen_at).delete()
            row = None
        if row is None:
            self._session_key = None
            return None
        self._person = row.user
        if row.signed_in_at:
            self._stored_user = str(row.user_id)
            self._made_by, self._code_given = row.made_by, row.code_given
            if not self.only_looks_again:
                _note_use(row)
        return row


class PersonAuthenticationMiddleware(AuthenticationMiddleware):
    """As Django's, but without a second query: the operator came with the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]


def _user(request: HttpRequest) -> Any:
    """Let Django check whether the session still counts for the operator read with it."""
    with backends.known(request.session.person):  # type: ignore[attr-defined]  # this very store
        person = get_user(request)
    request.looked_up = person  # type: ignore[attr-defined]  # for the log, which never queries
    return person


def _is_over(row: Session) -> bool:
    """Whether the session was idle for too long, or would outlive one that begins now."""
    longest_life = timedelta(seconds=settings.SESSION_COOKIE_AGE) + SKEW_DELTA
    if row.expire_date > timezone.now() + longest_life:  # begun before the clock was set back
        return True
    return bool(row.signed_in_at and row.last_seen_at and row.last_seen_at <= idle_since())


def _note_use(row: Session) -> None:
    """Store "last seen" every few minutes, and nothing else: other requests may be writing the row."""
    now = timezone.now()
    if row.last_seen_at is None or not now - SEEN_EVERY < row.last_seen_at <= now + SKEW_DELTA:
        Session.objects.filter(pk=row.pk).update(last_seen_at=now)
