"""What does the product cost? Queries, hashes, and bytes, counted; run with -s to see the figures."""

import re
import subprocess
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.db.models import Value
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.policy import Policy
from operators.models import Group, Operator
from operators.models.session import Session
from tests.support.bare_view import calls_of, in_bare_views
from tests.support.database import statements
from tests.support.factories import PASSWORD, SECRET, code_for, make_operator
from twofactor import key_check, qr, totp
from uptrends_2fa import settings as production

LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
KIB = 1024
# Any text but surrogates, which no form lets in.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=254)


def token_in(page) -> dict[str, str]:
    """Return the CSRF token of a page's form, by which one sent twice is known: that costs queries."""
    return {"csrfmiddlewaretoken": str(page.context["csrf_token"])}


def report(what: str, figure: object) -> None:
    print(f"\n{what}: {figure}")  # noqa: T201  the figures are for people to read


@pytest.fixture
def with_code(account):
    """An operator who logs in with a code, in a browser that is known already and may be trusted."""
    account.two_factor_policy, account.trusted_browser_days = Policy.REQUIRED, 30
    account.save()
    operator = make_operator(account, enrolled=True)
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(log_in(browser, operator, code_for(SECRET, -1)).url)
    assert browser.post(reverse("operators:logout"), token_in(page)).status_code == 302
    return browser, operator


def log_in(browser, operator, code):
    right = {"email": operator.email, "password": PASSWORD}
    page = browser.get(LOGIN)
    assert browser.post(LOGIN, right | token_in(page)).url == VERIFY
    page = browser.get(VERIFY)
    return browser.post(VERIFY, {"code": code} | token_in(page))


def about_to_enroll(operator):
    """Return a browser in which somebody has logged in with the password."""
    # A real sign-in: it puts the seed into the session, which force_login() does not.
    browser = Client(enforce_csrf_checks=True)
    right = {"email": operator.email, "password": PASSWORD}
    assert browser.post(LOGIN, right | token_in(browser.get(LOGIN))).status_code == 302
    key_check.verify()  # once in the life of a process
    return browser


def enroll(browser, operator):
    url = reverse("operators:scan", args=[operator.pk])
    page = browser.get(url)
    return browser.post(url, {"code": code_for(page.context["enrollment"].secret)} | token_in(page))


def test_a_login_with_a_code_takes_5_requests_and_at_most_12_queries(with_code):
    browser, operator = with_code
    with statements() as found:
        assert browser.get(log_in(browser, operator, code_for(SECRET)).url).status_code == 200
    report("login with a code", len(found))
    assert len(found) <= 12, "\n".join(found)


# Three are not the enrollment itself: the rows of ended sessions go, a notice and its task are stored.
def test_an_enrollment_takes_3_requests_and_at_most_11_queries(operator, settings):
    settings.TASKS = {"default": {"BACKEND": production.TASK_BACKENDS["database"]}}
    browser = about_to_enroll(operator)
    with statements() as found:
        assert browser.get(enroll(browser, operator).url).status_code == 200
    report("enrollment", len(found))
    assert len(found) <= 11, "\n".join(found)


def test_a_login_with_a_code_is_at_most_as_much_work_as_36_bare_views(with_code):
    browser, operator = with_code
    views = in_bare_views(calls_of(lambda: log_in(browser, operator, code_for(SECRET))))
    report("login with a code, in bare views", views)
    assert views <= 36


def test_an_enrollment_is_at_most_as_much_work_as_50_bare_views(account, operator, settings):
    settings.TASKS = {"default": {"BACKEND": production.TASK_BACKENDS["database"]}}
    enroll(about_to_enroll(operator), operator)  # what a process does once
    another = make_operator(account)
    browser = about_to_enroll(another)
    views = in_bare_views(calls_of(lambda: enroll(browser, another)))
    report("enrollment, in bare views", views)
    assert views <= 50


def test_what_every_page_behind_the_login_begins_with_is_at_most_as_much_work_as_3_bare_views(admin_browser):
    url = reverse("operators:home")  # a redirect, which draws nothing
    admin_browser.get(url)
    views = in_bare_views(calls_of(lambda: admin_browser.get(url)))
    report("bare page behind the login, in bare views", views)
    assert views <= 3


@pytest.mark.parametrize("name", ["operators:add", "operators:password", "operators:home"])
def test_a_signed_in_page_takes_1_query_beyond_its_own_content(admin_browser, name):
    with statements() as found:
        admin_browser.get(reverse(name))
    report(f"{name} beyond its own content", len(found))
    assert len(found) == 1, "\n".join(found)


def test_account_settings_take_one_query_each_for_emails_that_wait_and_sessions_without_a_code(admin_browser):
    with statements() as found:
        admin_browser.get(reverse("accounts:settings"))
    assert len(found) == 3, "\n".join(found)


def test_an_address_is_found_by_its_index_however_many_operators_there_are(operator):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # of so few rows it reads them all
        plan = Operator.objects.addressed(Value(operator.email)).explain()
    assert "operator_email" in plan


def test_the_sign_in_page_takes_no_query_and_makes_no_session(db):
    with statements() as found:
        assert Client().get(LOGIN).status_code == 200
    report("anonymous sign-in page", len(found))
    assert found == []
    assert not Session.objects.exists()


@pytest.fixture
def hashes(settings, monkeypatch):
    """The Argon2 hashes that were computed, the real ones."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    done: list[str] = []
    for name in ("encode", "verify"):
        real = getattr(Argon2PasswordHasher, name)

        def counted(self, *args, _name=name, _real=real, **kwargs):
            done.append(_name)
            return _real(self, *args, **kwargs)

        monkeypatch.setattr(Argon2PasswordHasher, name, counted)
    return done


@pytest.mark.parametrize("kind", ["known", "unknown", "invited", "deactivated", "single sign-on"])
@pytest.mark.parametrize("password", ["a wrong password", PASSWORD])
def test_a_failed_sign_in_takes_exactly_one_hash(account, hashes, kind, password):
    kinds: dict[str, Any] = {
        "invited": {"invited": True},
        "deactivated": {"active": False},
        "single sign-on": {"single_sign_on": True},
    }
    operator = make_operator(account, **kinds.get(kind, {}))
    hashes.clear()
    email = "nobody@example.com" if kind == "unknown" else operator.email
    wrong = "another password" if kind == "known" else password
    answer = Client().post(LOGIN, {"email": email, "password": wrong})
    assert "do not match" in answer.text
    report(f"hashes of a failed sign-in, {kind}", hashes)
    assert len(hashes) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(issuer=TEXTS, label=TEXTS)
def test_every_qr_code_has_at_most_2_kib_and_can_be_read(issuer, label):
    uri = totp.provisioning_uri(SECRET, label, issuer)
    picture = qr.png(uri)
    read = subprocess.run(["zbarimg", "--raw", "-q", "-"], input=picture, capture_output=True, check=True)
    assert read.stdout.decode().strip() == uri
    assert len(picture) <= 2 * KIB


def test_the_largest_qr_code_has_at_most_2_kib():
    picture = qr.png(totp.provisioning_uri(SECRET, "ä" * 254, "ü" * 254))
    report("largest QR code in bytes", len(picture))
    assert len(picture) <= 2 * KIB


@pytest.fixture
def full_account(account, admin):
    """An account whose lists fill a page."""
    for number in range(60):
        make_operator(account, name=f"Operator {number} " + "Long Name " * 3, override=Policy.REQUIRED)
    for number in range(10):
        Group.objects.create(account=account, name=f"Group {number}")
    return account


PAGES = ["operators:list", "operators:groups", "operators:sub-accounts", "operators:add", "operators:invite"]
PAGES += [
    "operators:exceptions",
    "operators:reminders",
    "operators:create",
    "operators:password",
    "accounts:settings",
    "accounts:audit-log",
]
ONE = ["operators:detail", "operators:member-of", "operators:activity", "operators:scan", "operators:delete"]


def test_every_main_page_has_at_most_30_kib(full_account, admin_browser):
    operator = make_operator(full_account)
    urls = [reverse(name) for name in PAGES] + [reverse(name, args=[operator.pk]) for name in ONE]
    sizes = {url: len(admin_browser.get(url).content) for url in urls}
    report("page sizes in bytes", sizes)
    assert max(sizes.values()) <= 30 * KIB


@pytest.mark.parametrize("name", ["operators:login", "operators:password-reset"])
def test_pages_for_strangers_have_at_most_30_kib(db, name):
    assert len(Client().get(reverse(name)).content) <= 30 * KIB


def test_the_assets_of_a_first_visit_have_at_most_120_kib_compressed(db):
    page = Client().get(LOGIN).text
    urls = re.findall(r'(?:href|src)="/static/([^"]+)"', page)
    assert any(url.endswith(".css") for url in urls)
    sizes = {url: len(brotli.compress(Path("static", url).read_bytes())) for url in urls}
    report("compressed assets in bytes", sizes)
    assert sum(sizes.values()) <= 120 * KIB
