"""A form that a browser sends several times at the same moment is one act, and lands where one click does."""

from collections import Counter
from functools import partial

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Action, AuditEntry
from operators.models import Group, Operator
from operators.models.session import Session
from tests.support import twice

CLICKS = 4
REFUSALS = {Action.CODE_FAILED, Action.PROOF_FAILED, Action.SIGN_IN_FAILED, Action.SIGN_IN_REFUSED}


def newest(model) -> int:
    last = model.objects.order_by("pk").last()
    return last.pk if last else 0


@pytest.mark.parametrize("act", twice.ACTS, ids=lambda act: act.__name__)
def test_a_form_sent_several_times_at_once_is_one_act(at_once, act):
    form = act()
    browsers = [form.browser, *(form.twin() for _ in range(CLICKS - 1))]
    seen, operators, groups = newest(AuditEntry), newest(Operator), newest(Group)
    answers = at_once([partial(form.send, browser) for browser in browsers])
    assert {answer.status_code for answer in answers} == {302 if form.lands else 200}
    [lands] = {answer.headers.get("Location", "") for answer in answers}
    assert form.lands in (lands, "new")
    entries = AuditEntry.objects.filter(pk__gt=seen)
    done = Counter(entries.values_list("action", "subject_id", "new"))
    assert not REFUSALS & {Action(action) for action, _subject, _new in done}
    assert set(done.values()) <= {1}, done
    assert Operator.objects.filter(pk__gt=operators).count() <= 1
    assert Group.objects.filter(pk__gt=groups).count() <= 1
    assert not Operator.objects.filter(account__in=entries.values("account"), code_failures__gt=0).exists()
    _all_have_one_session(browsers, lands)


def _all_have_one_session(browsers: list[Client], lands: str) -> None:
    """Whichever answer comes last, and if it is the only one: the browser is where one click leads."""
    keys = {browser.cookies[settings.SESSION_COOKIE_NAME].value for browser in browsers}
    assert Session.objects.filter(pk__in=keys).count() == len(keys) == 1
    for browser in browsers if lands else []:
        assert browser.get(lands).status_code == 200
