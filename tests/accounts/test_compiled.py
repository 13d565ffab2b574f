"""Does a query that was compiled once answer as Django's own?"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import CharField, DateTimeField, Value
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from accounts.compiled import CompiledQuery, CompiledUpdate, Parameter
from operators.models import Operator
from operators.models.session import Session
from tests.support.factories import make_operator, signed_in


def operators():
    found = Operator.objects.select_related("account", "authenticator").annotate(word=Value("a word"))
    return found.filter(
        email=Parameter("email", CharField()), joined_at__lte=Parameter("now", DateTimeField())
    )


def by_hand(email):
    return Operator.objects.select_related("account", "authenticator").get(email=email)


def columns(found):
    return {name: value for name, value in vars(found).items() if name not in ("_state", "word")}


def test_it_is_compiled_once_and_asked_with_other_values_each_time(account, django_assert_num_queries):
    made: list[None] = []

    def build():
        made.append(None)
        return operators()

    query: Any = CompiledQuery(build)
    for enrolled in (False, True):
        email = make_operator(account, enrolled=enrolled).email
        with django_assert_num_queries(1):
            found = query.first(email=email, now=timezone.now())
            assert (found.account, found.is_enrolled, found.word) == (account, enrolled, "a word")
        assert columns(found) == columns(by_hand(email))
    assert len(made) == 1


def test_nothing_is_found_as_none(account):
    email = make_operator(account).email
    query = CompiledQuery(operators)
    assert query.first(email="nobody@example.com", now=timezone.now()) is None
    assert query.first(email=email, now=timezone.now() - timedelta(days=1)) is None


def test_an_update_changes_the_rows_of_its_parameters_and_says_how_many(account):
    moment = timezone.now()
    field = DateTimeField()
    update = CompiledUpdate(
        lambda: (
            Operator.objects.filter(email=Parameter("email", CharField()), is_active=True),
            {"last_login": Parameter("at", field, of=lambda at: at + timedelta(days=1))},
        )
    )
    operator, another = make_operator(account), make_operator(account)
    assert update.execute(email=operator.email, at=moment) == 1
    assert update.execute(email="nobody@example.com", at=moment) == 0
    operator.refresh_from_db()
    another.refresh_from_db()
    assert (operator.last_login, another.last_login) == (moment + timedelta(days=1), None)


def test_an_update_that_fails_lets_nothing_of_its_transaction_be_stored(account):
    operator = make_operator(account)
    update = CompiledUpdate(
        lambda: (Operator.objects.filter(pk=operator.pk), {"joined_at": Parameter("at", DateTimeField())})
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        update.execute(at=None)  # whoever has not joined is inactive
    with transaction.atomic():
        with suppress(IntegrityError):
            update.execute(at=None)
        with pytest.raises(TransactionManagementError):
            operator.refresh_from_db()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_threads_share_what_is_compiled_and_use_connections_of_their_own(account):
    email = make_operator(account).email
    query: Any = CompiledQuery(operators)

    def ask(_number):
        try:
            found = query.first(email=email, now=timezone.now())
            return found.email, found.joined_at
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(ask, range(8)))
    assert answers == {(email, by_hand(email).joined_at)}


def test_a_session_is_read_without_the_answer_that_is_kept_in_it(operator):
    browser = signed_in(operator)
    assert browser.get(operator.get_absolute_url()).status_code == 200
    row = browser.session._get_session_from_db()
    assert row.get_deferred_fields() == {"answer"}
    assert Session.objects.get(pk=row.pk).answer == row.answer
