"""Registers a check for operators who share a mailbox, run by `check --database default` and `migrate`."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as Caution
from django.db import DatabaseError


class OperatorsConfig(AppConfig):
    name = "operators"

    def ready(self) -> None:
        register(check_mailboxes, Tags.database)


def check_mailboxes(*, databases: Iterable[str] | None = None, **_options: Any) -> Iterable[CheckMessage]:
    """Name the operators whose address is not in its one form, because somebody else has that form."""
    if not databases:
        return []
    left: list[int] = []
    with suppress(DatabaseError):  # before the first migration there is no table
        others = get_user_model().objects.exclude(email__regex=r"^[\x01-\x7f]*$")
        left = list(others.order_by("pk").values_list("pk", flat=True))
    text = (
        "The address of operator %d is another way to write the mailbox of another operator, or of nobody. "
        "Both log in with it as it was typed. Change the address, or delete one of the two."
    )
    return [Caution(text % pk, id="operators.W001") for pk in left]
