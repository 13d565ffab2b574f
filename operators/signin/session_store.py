"""Sessions: one row for each browser, and one statement for each change of it.

Django's own store looks a new key up before it inserts it, and deletes in two statements; here the
primary key decides. A changed key (at each step of a sign-in) renames the row in one statement, so there
is no moment with two rows, and a session that was ended meanwhile is not brought back to life.
"""

import secrets
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import person_of_session
from accounts.clock import SKEW_DELTA
from accounts.compiled import CompiledUpdate, Parameter
from accounts.sent_twice import DONE, NOT_DONE, UNDER_WAY, Act
from operators.models import Operator, session_with_person
from operators.models.session import Session, idle_since
from twofactor import pending
from twofactor.made_by import MadeBy

# How old "last seen" may be: a page costs a second statement only that often.
SEEN_EVERY = timedelta(minutes=5)
# Where nothing was done that could be sent twice.
NO_ACT: dict[str, Any] = {"act": "", "act_until": None, "answer": ""}


_COUNTED = {"wrong_codes": F("wrong_codes") + 1}


def _may_count() -> QuerySet[Session]:
    """Return the row of a session in which one more code may be tried."""
    limit = Parameter("limit", models.IntegerField())
    return _row("session_key").filter(wrong_codes__lt=limit)


def _row(key: str) -> QuerySet[Session]:
    return Session.objects.filter(session_key=Parameter(key, models.CharField()))


def _claimed(row: QuerySet[Session], **changes: Any) -> tuple[QuerySet[Session], dict[str, Any]]:
    """Return the row and its changes, if no equal act was begun; the act is noted with them."""
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


class SessionStore(db.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._sent_key = session_key
        self._renamed_from: str | None = None
        self._restarted = False
        # Whether a page asks by itself, with nobody there: that is no use of the session.
        self.only_looks_again = False
        # Whether this request has ended the session that it came with.
        self.ended = False
        # What this request wants, and what of it goes into the row with the next save.
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

    def exists(self, session_key: str) -> bool:
        """Leave it to the INSERT: a random key is never taken, and if it were, that would fail."""
        return False

    def _get_new_session_key(self) -> str:
        """Return 160 random bits: as many as Django's key has, without a call for each letter."""
        return secrets.token_hex(20)

    def describe(self, *, address: str | None, user_agent: str, made_by: MadeBy) -> None:
        """Note from where and by which means somebody signs in; stored with the next save."""
        self._described |= {"address": address, "user_agent": user_agent, "made_by": made_by}
        self._made_by = made_by
        self.modified = True

    def note_code(self) -> None:
        """Note that a code was given in this session; stored with the next save."""
        self._described["code_given"] = self._code_given = True
        self.modified = True

    @property
    def made_by(self) -> str:
        """By which means the person of this session came in, "" where that is not known."""
        self._get_session()  # type: ignore[attr-defined]
        return self._made_by

    @property
    def code_given(self) -> bool:
        self._get_session()  # type: ignore[attr-defined]
        return self._code_given

    @property
    def is_lost(self) -> bool:
        """Whether the browser has sent the key of a session that is not there."""
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
        """End the session, and begin another in its row, under a new key.

        Other than with `flush` there is no moment without a row: an equal request that comes second finds it.
        """
        self._break_off()
        self.clear()
        self._forget_row()
        if self.session_key:
            self._restarted = True
            self.cycle_key()

    def _break_off(self) -> None:
        """Tell of a login that waits here and ends; where its time was over it has been told of already."""
        if self.person is not None:
            pending.broken_off(self._get_session())  # type: ignore[attr-defined]

    def _forget_row(self) -> None:
        self._stored_user, self._person, self._described = None, None, {}
        self._made_by, self._code_given = "", False

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        """Write the session; raise UpdateError where its row has gone."""
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
        """Write the row; false where it has gone."""
        values = {"session_key": self.session_key, **self._values(data)}
        if self._restarted:
            # Whatever else the row has told of the session that was, its public id too, goes with it.
            row = self.create_model_instance(data)
            values = {field.attname: getattr(row, field.attname) for field in Session._meta.concrete_fields}
        return bool(_change(tuple(values)).execute(stored_key=self.stored_key, **values))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        end = self.get_expiry_date()
        return Session(**{"session_key": self.session_key, "expire_date": end, **self._values(data)})

    def _values(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what a save writes.

        The end stands from sign-in on: nothing that is done in a session makes it live longer. The user is
        read from the session itself, so that no way of signing in can leave a session out of the lists.
        """
        values = {"session_data": self.encode(data), **self._described}
        user = data.get(USER_KEY)
        if user != self._stored_user:
            now = timezone.now()
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
        """Note that the act of this request is under way; false where an equal one is, or has been done.

        False too where there is no such session.
        """
        return self._begin_act(_CLAIM, session_key=self.session_key)

    def count_attempt(self, limit: int) -> bool:
        """Count one more try at a code, if there were fewer than `limit`; return whether it was counted.

        One statement on the stored row decides, however many requests come at once; a session that has
        ended counts nothing, nor does a second one of two equal requests.
        """
        if self.act is None or self.claimed:
            return bool(_COUNT.execute(session_key=self.stored_key, limit=limit))
        return self._begin_act(_COUNT_AND_CLAIM, session_key=self.stored_key, limit=limit)

    def take_back_attempt(self) -> None:
        mine = Session.objects.filter(session_key=self.stored_key, wrong_codes__gt=0)
        mine.update(wrong_codes=F("wrong_codes") - 1)

    def stop_waiting(self) -> bool:
        """Note in the row that nobody waits in it any longer; true for one of several callers only."""
        mine = Session.objects.filter(session_key=self.stored_key, user__isnull=False, signed_in_at=None)
        return bool(mine.update(user=None))

    def _begin_act(self, statement: CompiledUpdate, **values: Any) -> bool:
        """Change the row and note the act in it, unless an equal one was begun; one statement decides."""
        act: Any = self.act
        self.claimed = bool(statement.execute(now=timezone.now(), act=act.name, **values))
        return self.claimed

    def kept(self, act: Act) -> tuple[str, str] | None:
        """Return the session's key where an act was begun, and its answer: "" while it is under way."""
        now = timezone.now()
        rows = Session.objects.filter(act=act.name, act_until__gt=now, expire_date__gt=now)
        return rows.values_list("session_key", "answer").first()

    def keep_answer(self, act: Act, sealed: str, *, is_done: bool) -> None:
        """Have the answer to the claimed act stored, with the session where that is; "" ends the claim."""
        lives = DONE if is_done else NOT_DONE
        answer = {"act": act.name, "act_until": timezone.now() + lives, "answer": sealed}
        self._answered = answer if sealed else NO_ACT

    def store_answer(self, act: Act) -> None:
        """Store the answer where the session itself was not saved."""
        if self._answered:
            Session.objects.filter(act=act.name).update(**self._answered)

    def attempts(self) -> int | None:
        """Return how many tries at a code were counted; None where the session has ended or has a new key."""
        mine = Session.objects.filter(session_key=self.stored_key)
        return mine.values_list("wrong_codes", flat=True).first()

    @property
    def stored_key(self) -> str | None:
        """The key under which the row is stored now; a changed one gets there with the next save."""
        return self._renamed_from or self.session_key

    @property
    def person(self) -> Operator | None:
        """Who is signed in or waits, as read with the row."""
        self._get_session()  # type: ignore[attr-defined]  # read it now, where nobody has asked yet
        return self._person

    def _get_session_from_db(self) -> Session | None:
        """Return the row, and note every few minutes that it was used."""
        row = session_with_person(self.session_key) if self.session_key else None
        if row is not None and _is_over(row):
            # Deleted, so that it stays ended where the clock is set back.
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
    """Says who is signed in, as Django does, but without a second query: the person came with the session."""

    def process_request(self, request: HttpRequest) -> None:
        """Leave it to the first who asks."""
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]


def _user(request: HttpRequest) -> Any:
    """Return who is signed in; Django looks whether the session still counts for them."""
    with person_of_session.known(request.session.person):  # type: ignore[attr-defined]  # our own store
        person = get_user(request)
    request.looked_up = person  # type: ignore[attr-defined]  # for the log, which asks nothing by itself
    return person


def _is_over(row: Session) -> bool:
    """Whether nobody has used the session for long, or it would live longer than any can that begins now."""
    longest = timedelta(seconds=settings.SESSION_COOKIE_AGE) + SKEW_DELTA
    if row.expire_date > timezone.now() + longest:  # begun by a clock that was set back since
        return True
    return bool(row.signed_in_at and row.last_seen_at and row.last_seen_at <= idle_since())


def _note_use(row: Session) -> None:
    """Store when the session was last seen, where that is old; nothing else, as others may be writing."""
    now = timezone.now()
    if row.last_seen_at is None or not now - SEEN_EVERY < row.last_seen_at <= now + SKEW_DELTA:
        Session.objects.filter(pk=row.pk).update(last_seen_at=now)
