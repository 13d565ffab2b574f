"""Bad input, everywhere: every field of every form on every page, found by reading the pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.support.address_table import POST_ONLY, number_in, url_of
from tests.support.factories import PASSWORD
from tests.support.pages import FORM, PAGES, Forms, encoded

VALUES = {
    "nothing": "",
    "NUL": "a\0b",
    "control characters": "a\x01\x1b\r\n\tb",
    "HTML": "<script>alert(1)</script>&quot;",
    "10 kB": "1" * 10_240,
    "other script": "Ольга ｏｌｇａ ٣",
    "half of a pair": "\ud83d",
    "quotes": "' OR 1=1 --",
    "no number": "-1",
    "large number": "9" * 40,
}


def queries_with(fields: dict[str, str], field: str) -> Iterator[tuple[str, str]]:
    """Return, named, what is sent with each of the values in a field, and with the field twice."""
    for kind, value in VALUES.items():
        yield kind, encoded({**fields, field: value})
    yield "twice", f"{encoded(fields)}&{encoded({field: '-1'})}"


def assert_nothing_breaks(browser: Client, page: str, url: str) -> None:
    """Send every form of the page with each of the values in each field."""
    forms = Forms(page, url).found
    assert forms
    for method, action, fields in forms:
        for field in fields.keys() - {"csrfmiddlewaretoken"}:
            for kind, data in queries_with(fields, field):
                if method == "post":
                    answer = browser.post(action.split("#")[0], data, content_type=FORM)
                else:
                    answer = browser.get(f"{action.split('?')[0]}?{data}")
                assert answer.status_code < 500, (action, field, kind)
                assert "<script>alert" not in text_of(answer), (action, field, kind)


def text_of(answer: Any) -> str:
    """Return the text of an answer, also of one that is streamed."""
    return b"".join(answer).decode() if answer.streaming else answer.text


@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES)
def test_no_value_in_any_field_breaks_anything(db, page):
    browser, url = PAGES[page]()
    assert_nothing_breaks(browser, browser.get(url).text, url)


@pytest.mark.thorough
def test_no_value_breaks_the_forms_below_a_table_that_was_checked(admin_browser):
    url = reverse("operators:invite-many")
    page = admin_browser.post(url, {"text": "Ivo,ivo@example.com\nx,y\n"}).text
    assert_nothing_breaks(admin_browser, page, url)


@pytest.mark.parametrize(
    "content", [b"\0", b"\xff\xfe\x00", b"\xef\xbb\xbf", b'"', b"a,b\0c@example.com,,\n" * 9]
)
def test_no_file_breaks_the_check_of_a_table(admin_browser, content):
    file = SimpleUploadedFile("people.csv", content)
    assert admin_browser.post(reverse("operators:invite-many"), {"file": file}).status_code == 200


# What the addresses of pages take, beside what their forms send: each with values that make sense.
ADDRESSES: dict[str, dict[str, str]] = {
    "operators:overview": {"page": "1", "status": "protected"},
    "operators:list": {"page": "1", "sort": "-name", "counts": "", "search": "a", "status": "protected"},
    "operators:exceptions": {"page": "1", "sort": "until", "search": "a", "kind": "ended"},
    "operators:exceptions-export": {"search": "a", "kind": "ended"},
    "operators:links": {"page": "1", "search": "a", "kind": "setup", "state": "sent"},
    "operators:links-export": {"search": "a", "kind": "setup", "state": "sent"},
    "operators:reminders": {"to_optional": "on"},
    "operators:policy-preview": {"two_factor_policy": "required", "required_from": ""},
    "operators:policy-preview-people": {"two_factor_policy": "required", "required_from": "", "page": "1"},
    "operators:bulk": {"kind": "group", "every": "on", "filters": "search=a", "group": "1", "operator": "1"},
    "operators:bulk-actions": {"page": "1"},
    "operators:bulk-action": {"page": "1", "show": "all", "seen": "running-0-0"},
    "operators:bulk-export": {"page": "1"},
    "operators:invite-many": {"text": "a,b", "file": "a"},
    "operators:activity": {"page": "1"},
    "operators:group": {"page": "1", "search": "a", "status": "protected"},
    "operators:scan": {"then": "two_factor_policy=required"},
    "operators:setup-link-copy": {"page": "1"},
    "operators:export": {"sort": "-name", "search": "a", "status": "protected"},
    "accounts:audit-log": {"page": "1", "search": "a", "action": "override"},
    "accounts:audit-export": {"search": "a", "action": "override", "date_from": "2026-11-01"},
    "operators:login": {"next": "/operators/"},
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ADDRESSES)
def test_no_parameter_of_an_address_breaks_anything(account, admin, admin_browser, name):
    url, good = url_of(name, number_in(name, account)), ADDRESSES[name]
    ask = admin_browser.post if name in POST_ONLY else admin_browser.get
    for parameter in good:
        for kind, query in queries_with(good, parameter):
            answer = ask(f"{url}?{query}")
            assert answer.status_code < 500, (parameter, kind)
            # A file holds the trail as it is, earlier exports and what they searched for among it.
            text, is_file = text_of(answer), answer.headers["Content-Type"].startswith("text/csv")
            assert is_file or "<script>alert" not in text, (parameter, kind)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_post_breaks_nothing_and_a_large_one_neither(db, page):
    browser, url = PAGES[page]()
    for data in ({}, {f"field{n}": "x" for n in range(2000)}, {"code": ["1", "2"], "email": ["a", "b"]}):
        assert browser.post(url, data).status_code < 500


@pytest.mark.parametrize("page", PAGES)
def test_a_form_posted_twice_does_it_once(db, page):
    browser, url = PAGES[page]()
    for method, action, fields in Forms(browser.get(url).text, url).found:
        if method == "post" and action != reverse("operators:logout"):
            for _ in range(2):
                assert browser.post(action, fields).status_code < 500
    assert len(mail.outbox) <= 4


@pytest.mark.parametrize("raw", ["/login/%00", "/login/?next=%00", "/operators/%00/", "/setup/a%00b/"])
def test_a_nul_byte_in_the_address_is_a_bad_request(db, raw):
    answer = Client().get(raw)
    assert answer.status_code == 400
    assert "400.html" in [template.name for template in answer.templates]


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "time_zone", "messages", "django_language"])
@pytest.mark.parametrize("value", ["a\0b", "x" * 5000, "é", '"', "../../etc/passwd"])
def test_no_cookie_breaks_anything(db, name, value):
    browser = Client()
    browser.cookies[name] = value
    assert browser.get("/login/").status_code in (200, 400)
    assert browser.post("/login/", {"email": "a@example.com", "password": PASSWORD}).status_code in (200, 400)


@pytest.mark.parametrize(
    "number", ["0", "-1", "1.5", "abc", "9" * 19, "9" * 40, "１", "%20", "1%2F2", "null"]
)
@pytest.mark.parametrize("page", ["operators", "groups", "sub-accounts"])
def test_what_is_no_number_or_nobodys_does_not_exist(admin_browser, page, number):
    answer = admin_browser.get(f"/{page}/{number}/")
    assert answer.status_code == 404
    assert "404.html" in [template.name for template in answer.templates]
