"""How much may be sent to a page? More is refused before a byte of it is read; nothing goes to a disk."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, tempfile
from django.test import Client
from django.urls import get_resolver, reverse

from operators.models import Operator
from tests.support.address_table import TABLE, WRITING, url_of
from tests.support.factories import signed_in
from uptrends_2fa import body_sizes

FORM = "application/x-www-form-urlencoded"
CHECK = reverse("operators:invite-many")
TABLES = {"operators:invite-many", "operators:invite-many-confirm", "operators:invite-many-errors"}
PERSON = b"Ivo Ito,ivo@example.com\r\n"


class Unread(BytesIO):
    """A body that nobody may read."""

    def read(self, *arguments):
        raise AssertionError

    readline = read


def send(browser, url, size, **headers):
    """Post so many bytes, of which none is there; the answer does not wait for them."""
    environ = {"CONTENT_LENGTH": str(size), "CONTENT_TYPE": FORM, "wsgi.input": Unread(), **headers}
    return browser.generic("POST", url, **environ)


def templates_of(answer):
    return [template.name for template in answer.templates]


@pytest.mark.parametrize("name", sorted(set(TABLE) - TABLES))
def test_no_page_reads_more_than_a_form_has(admin, admin_browser, name):
    answer = send(admin_browser, url_of(name, admin.pk), body_sizes.FORM + 1)
    assert answer.status_code == 413
    assert "413.html" in templates_of(answer)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_page_that_takes_a_table_reads_no_more_than_one(admin_browser, name):
    assert send(admin_browser, reverse(name), body_sizes.TABLE + 1).status_code == 413
    with pytest.raises(AssertionError):
        send(admin_browser, reverse(name), body_sizes.TABLE)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_stranger_s_table_is_not_read(db, name):
    assert send(Client(), reverse(name), body_sizes.FORM + 1).status_code == 413


@pytest.mark.parametrize("name", WRITING)
def test_a_body_without_a_length_is_not_read(admin, admin_browser, name):
    answer = send(admin_browser, url_of(name, admin.pk), "", HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 411


def test_a_length_that_is_no_number_is_a_bad_request(db):
    answer = Client().generic("POST", reverse("operators:login"), CONTENT_LENGTH="many", CONTENT_TYPE=FORM)
    assert answer.status_code == 400


def test_the_page_says_what_to_do(admin_browser):
    page = send(admin_browser, CHECK, 80_000_000).text
    assert "A table of people may have up to 2 MB" in page
    popup = send(admin_browser, CHECK, 80_000_000, HTTP_HX_REQUEST="true").text
    assert "<html" not in popup


def test_a_table_of_2_mb_is_read_and_nothing_is_written_to_a_disk(admin_browser, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    content = PERSON + (b" " * 1022 + b"\r\n") * 2047
    answer = admin_browser.post(CHECK, {"file": SimpleUploadedFile("people.csv", content)})
    assert answer.status_code == 200
    assert "ivo@example.com" in answer.context["text"]


def test_one_file_is_taken_and_not_two(admin_browser):
    files = [SimpleUploadedFile("people.csv", PERSON) for _ in range(2)]
    assert admin_browser.post(CHECK, {"file": files}).status_code == 400


def test_the_longest_passwords_fit(operator: Operator):
    password = "😀" * 4096
    fields = dict.fromkeys(("current_password", "new_password", "new_password_again"), password)
    url = next(url_of(name, operator.pk) for name in TABLE if name.endswith(":password"))
    assert signed_in(operator).post(url, fields, follow=True).status_code == 200


def test_the_views_that_take_a_table_are_these():
    assert {name for name in TABLE if getattr(_view(name), "takes_a_table", False)} == TABLES


def _view(name):
    return get_resolver().resolve(url_of(name)).func
