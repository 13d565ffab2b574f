"""Checks passwords, and loads the operator of a session."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.db.models import CharField
from django.http import HttpRequest

from accounts.compiled import CompiledQuery, Parameter
from accounts.passwords import is_right
from operators.models import Operator, forms_of_address, whose_address

_ADDRESSED: CompiledQuery[Operator] = CompiledQuery(
    lambda: Operator.objects.complete().addressed(
        *(Parameter(name, CharField()) for name in ("typed", "plain"))
    )
)


# Whom the session was read with: a backend is given only a number, and would read them once more.
_known: ContextVar[Operator | None] = ContextVar("known", default=None)


@contextmanager
def known(operator: Operator | None) -> Iterator[None]:
    """Let `get_user` know this operator within the block, and in no other request."""
    token = _known.set(operator)
    try:
        yield
    finally:
        _known.reset(token)


class PasswordBackend(BaseBackend):
    """Email and password. Takes as many password hashes whatever the address: one, for ASCII."""

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, email: str = "", password: str = ""
    ) -> Operator | None:
        operator = self.find(email)
        # For an unknown address a new hash takes as long as a check, so timing doesn't reveal who exists.
        matches = operator.check_password if operator else _matches_nobody
        if not is_right(password, matches) or operator is None:
            return None
        return operator if self.may_sign_in(operator) else None

    def find(self, email: str) -> Operator | None:
        typed, plain = forms = forms_of_address(email)
        return whose_address(_ADDRESSED.rows(typed=typed, plain=plain), forms)

    def get_user(self, user_id: Any) -> Operator | None:
        """Load all that a page needs with the operator; None ends the session."""
        operator: Operator | None = _known_as(user_id) or (
            Operator.objects.complete().with_links().filter(pk=user_id).first()
        )
        return operator if operator and operator.is_active and operator.frozen_at is None else None

    @staticmethod
    def may_sign_in(operator: Operator) -> bool:
        return PasswordBackend.has_password(operator) and operator.frozen_at is None

    @staticmethod
    def has_password(operator: Operator) -> bool:
        """Whether this operator logs in by password, frozen or not."""
        return operator.is_active and not operator.is_invited and not operator.is_single_sign_on


def _known_as(user_id: Any) -> Operator | None:
    """Return the operator of that number, where it is the one of the session."""
    operator = _known.get()
    return operator if operator is not None and str(operator.pk) == str(user_id) else None


def _matches_nobody(password: str) -> bool:
    make_password(password)
    return False
