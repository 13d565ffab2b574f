"""What the apps below the user model know of a user."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from accounts.models import Account
from accounts.policy import Effective


class Person(Protocol):
    """A user of one account; what codes need besides is `twofactor.models.TwoFactorUser`."""

    pk: int
    account: Account
    account_id: int
    name: str
    email: str
    password: str
    last_login: datetime | None
    # A new value ends the person's sessions, waiting sign-ins and links.
    session_nonce: str
    # By which of AUTHENTICATION_BACKENDS a login loads the person again.
    backend: str

    @property
    def is_administrator(self) -> bool: ...
    @property
    def effective(self) -> Effective: ...
    def get_absolute_url(self) -> str: ...
    def landing_url(self) -> str: ...
    def administrators_to_tell(self) -> "Iterable[Person]": ...
    def join(self, name: str, password_hash: str, now: datetime) -> bool: ...
    def renew_session_nonce(self, *with_fields: str, keep: str | None = None) -> None: ...
    def renew_nonce_as_read(self, *with_fields: str, keep: str | None = None) -> bool: ...
