"""Commits that happen, for tests that run inside a transaction which is never committed."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic

_leave = Atomic.__exit__
_wait_for_commit = BaseDatabaseWrapper.on_commit


def make_commits_happen(patch: pytest.MonkeyPatch) -> None:
    """Call what waits for a commit when the product's own outermost transaction ends.

    Inside a test's transaction Django would never call it. Where there is none, nothing changes.
    """
    patch.setattr(Atomic, "__exit__", _leave_and_call)
    patch.setattr(BaseDatabaseWrapper, "on_commit", _wait_or_call)


def _leave_and_call(self: Atomic, *error: Any) -> None:
    _leave(self, *error)
    if error[0] is None:
        _call_what_waited(connection)


def _wait_or_call(self: BaseDatabaseWrapper, func: Any, robust: bool = False) -> None:  # noqa: FBT001, FBT002
    _wait_for_commit(self, func, robust)
    _call_what_waited(self)


def _call_what_waited(database: Any) -> None:
    blocks = database.atomic_blocks
    if not blocks or not all(block._from_testcase for block in blocks):
        return
    waiting, database.run_on_commit = database.run_on_commit, []
    for _savepoints, function, robust in waiting:
        if robust:
            with suppress(Exception):
                function()
        else:
            function()
