"""Does a query that was compiled once answer as Django's own?"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import CharField, DateTimeField, Value
from django.utils import timezone

from accounts.compiled import CompiledQuery, Parameter
from operators.models import Operator
from operators.session_models import Session
from tests.factories import make_operator, signed_in


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
