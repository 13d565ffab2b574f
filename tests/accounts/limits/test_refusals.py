"""A limit that refused somebody is written down: once in each window, in the trail of that person."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.limits import refusals
from accounts.models import Action, AuditEntry, Tally
from accounts.policy import Policy
from invitations import invite
from operators.models import Operator
from tests.support.factories import NOBODY, PASSWORD, code_for, make_account, make_operator
from tests.support.flows import link_in_mail, log_in

LOGIN = reverse("operators:login")
CHOOSE = reverse("operators:password-reset-choose")
ACCEPT = reverse("invitations:accept")
NOW = timezone.now()
NEW = "a fine long password"
JOIN = {"name": "Ivo", "new_password": NEW, "new_password_again": NEW}


def guess(email, times):
    for _ in range(times):
        Client().post(LOGIN, {"email": email, "password": "a wrong password"})


def refused(operator) -> list[str]:
    """Return what was written down of refusals in the trail of this operator."""
    found = AuditEntry.objects.filter(subject_id=operator.pk, action=Action.LIMIT_REACHED)
    return list(found.values_list("new", flat=True))


def test_refused_passwords_are_in_the_trail_once_for_each_window(operator):
    with time_machine.travel(NOW, tick=False) as clock:
        guess(operator.email, 10)
        assert refused(operator) == []
        guess(operator.email, 20)
        assert refused(operator) == ["Passwords"]
        clock.shift(timedelta(minutes=15))
        guess(operator.email, 20)
    assert refused(operator) == ["Passwords"] * 2
    [entry, _] = AuditEntry.objects.filter(action=Action.LIMIT_REACHED)
    assert (entry.account_id, entry.actor_id, entry.address) == (operator.account_id, None, "127.0.0.1")


def test_an_administrator_reads_of_them(operator, admin_browser):
    guess(operator.email, 11)
    page = admin_browser.get(reverse("accounts:audit-log")).text
    assert "Limit reached: refused for a while" in page
    assert "Passwords" in page


def test_of_nobody_s_name_there_is_a_line_in_the_log(db, caplog):
    guess("nobody@example.com", 30)
    lines = [line for line in caplog.messages if "Limit reached" in line]
    assert lines == ["Limit reached: passwords, from 127.0.0.1"]
    assert not AuditEntry.objects.exists()


@pytest.mark.thorough
def test_whoever_is_refused_because_of_their_network_is_told_apart_by_name(operator):
    for number in range(101):
        guess(f"nobody{number}@example.com", 1)
    guess(operator.email, 5)
    assert refused(operator) == ["Passwords"]


def test_a_network_that_asks_for_too_many_links_is_in_the_log_once(db, caplog):
    for number in range(33):
        Client().post(reverse("operators:password-reset"), {"email": f"nobody{number}@example.com"})
    assert [line for line in caplog.messages if "Limit reached" in line] == [
        "Limit reached: reset links, from 127.0.0.1"
    ]


def test_what_is_no_address_counts_like_one(db):
    for _ in range(30):
        Client().post(reverse("operators:password-reset"), {"email": "no address"})
    answer = Client().post(reverse("operators:password-reset"), {"email": "ana@example.com"})
    assert "Too many links were asked for from your network address" in answer.text
    assert mail.outbox == []


def test_codes_within_a_wait_and_at_a_lock_are_in_the_trail(account):
    olga = make_operator(account, enrolled=True)
    browser = Client()
    log_in(browser, olga)
    for failures, entries in ((9, 1), (100, 1)):
        Operator.objects.update(code_failures=failures)
        for _ in range(4):
            browser.post(reverse("twofactor:verify"), {"code": "000000"})
        assert refused(olga) == ["Codes"] * entries


def test_recovery_codes_too(account):
    olga = make_operator(account, enrolled=True)
    browser = Client()
    log_in(browser, olga)
    Operator.objects.update(code_failures=100)
    for _ in range(2):
        browser.post(reverse("twofactor:recover"), {"code": "AAAA-BBBB-CCCC-DDDD"})
    assert refused(olga) == ["Codes"]


# New passwords behind a link


@pytest.fixture
def hashes(monkeypatch) -> list[str]:
    """The passwords that were hashed."""
    done, real = [], MD5PasswordHasher.encode

    def encode(self, password, salt):
        done.append(password)
        return real(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    return done


def test_an_invitation_asks_for_ten_hashes_in_a_quarter_of_an_hour(db, hashes):
    ivo = make_operator(make_account(), invited=True)
    with time_machine.travel(NOW, tick=False) as clock:
        invite.send(ivo, NOBODY)
        browser = Client()
        browser.get(link_in_mail())
        hashes.clear()
        assert browser.post(ACCEPT, {**JOIN, "new_password_again": "another"}).status_code == 200
        assert hashes == []
        for _ in range(10):
            assert browser.post(ACCEPT, JOIN).status_code == 302
        again = Client()
        again.get(link_in_mail())
        assert "Too many tries with this link. Wait 15 minutes" in again.post(ACCEPT, JOIN).text
        assert len(hashes) == 10
        clock.shift(timedelta(minutes=15))
        assert again.post(ACCEPT, JOIN).status_code == 302
    assert refused(ivo) == ["New passwords behind an emailed link"]


def test_so_does_a_reset_link_where_no_code_comes_with_it(account, hashes):
    olga = make_operator(account, enrolled=True)
    browser = Client()
    browser.post(reverse("operators:password-reset"), {"email": olga.email})
    browser.get(link_in_mail())
    data = {"new_password": NEW, "new_password_again": NEW, "code": "000000"}
    for _ in range(10):
        Operator.objects.update(code_failures=0, codes_blocked_until=None)
        assert browser.post(CHOOSE, data).status_code == 200
    answer = browser.post(CHOOSE, {**data, "code": code_for()})
    assert "Too many tries with this link." in answer.text
    assert NEW not in hashes
    assert Operator.objects.get(pk=olga.pk).last_code_step == 0


def test_one_network_asks_for_300(db, monkeypatch):
    monkeypatch.setattr("invitations.link_tries.HASHES_BY_ADDRESS", 2)
    answers = []
    for _ in range(3):
        invite.send(make_operator(make_account(Policy.DISABLED), invited=True), NOBODY)
        browser = Client()
        browser.get(link_in_mail())
        answers.append(browser.post(ACCEPT, JOIN).status_code)
    assert answers == [302, 302, 200]


def test_within_the_limits_nothing_is_written_down(operator):
    guess(operator.email, 3)
    assert log_in(Client(), operator, password=PASSWORD).status_code == 302
    assert refused(operator) == []


def test_a_network_of_many_lines_is_noted_once(db):
    factory = RequestFactory()
    requests = [factory.get("/", REMOTE_ADDR=f"2001:db8:0:{line:x}::1") for line in range(40)]
    waits = [refusals.admit_network(each, refusals.What.LINKS, 1, 60) for each in requests]
    assert waits[-1] > 0
    assert Tally.objects.filter(key__startswith="refused").count() == 1
