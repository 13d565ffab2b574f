"""Has every page one banner and one main part, and is all that it says in a landmark?"""

from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django_htmx.middleware import HtmxDetails

from tests.support.address_table import OPEN_TO_STRANGERS, POST_ONLY, TABLE, url_of
from tests.support.factories import make_operator, signed_in
from tests.support.pages import PAGES

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# A header or footer inside one of these is no landmark (HTML Accessibility API Mappings 1.0).
SCOPES = {"article", "aside", "main", "nav", "section"}
# Not read as part of the page: the dialog and its parts are there, and empty, until one opens.
APART = {"dialog", "head", "script", "style", "template", "title"}
ERRORS = ("400", "403", "403_csrf", "404", "405", "429", "500", "503")


class Landmarks(HTMLParser):
    """Finds the landmarks of a page, and what stands outside of them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.banners = self.mains = 0
        self.outside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        given = dict(attrs)
        apart = tag in APART or given.get("class") == "skip-link" or given.get("role") == "status"
        if not any(apart for _tag, apart in self.open):
            scoped = any(name in SCOPES for name, _apart in self.open)
            self.banners += tag == "header" and not scoped
            self.mains += tag == "main"
        self.open.append((tag, apart))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, text):
        tags = {tag for tag, _apart in self.open}
        is_apart = any(apart for _tag, apart in self.open)
        if text.strip() and "body" in tags and not is_apart and not tags & {"header", "main", "nav"}:
            self.outside.append(text.strip())


def assert_landmarks(page: str, name: str) -> None:
    found = Landmarks(page)
    assert (found.banners, found.mains, found.outside) == (1, 1, []), name


@pytest.mark.parametrize("page", PAGES)
def test_every_page_with_a_form_has_its_landmarks(db, page):
    browser, url = PAGES[page]()
    assert_landmarks(browser.get(url, follow=True).text, page)


@pytest.mark.thorough
def test_every_address_has_its_landmarks(account, admin):
    olga = make_operator(account, enrolled=True)
    browsers = ((signed_in(admin), TABLE), (signed_in(olga), TABLE), (Client(), OPEN_TO_STRANGERS))
    seen = 0
    for browser, name in ((browser, name) for browser, names in browsers for name in set(names) - POST_ONLY):
        answer = browser.get(url_of(name, olga.pk), follow=True)
        is_page = answer.headers["Content-Type"].startswith("text/html")
        if is_page and not answer.has_header("Content-Disposition"):
            assert_landmarks(answer.text, name)
            seen += 1
    assert seen > 80


@pytest.mark.parametrize("template", ERRORS)
@pytest.mark.parametrize("someone", [True, False], ids=["signed in", "a stranger"])
def test_every_error_page_has_its_landmarks(operator, template, someone):
    request = RequestFactory().get("/")
    request.user = operator if someone else AnonymousUser()
    request.htmx = HtmxDetails(request)
    assert_landmarks(render_to_string(f"{template}.html", request=request), template)
    # Where things go wrong early or badly, there is no request for the template to know.
    assert_landmarks(render_to_string(f"{template}.html"), template)


@pytest.mark.urls("uptrends_2fa.demo_urls")
def test_the_mailbox_of_the_demo_has_its_landmarks():
    assert_landmarks(render_to_string("demo/mails.html", {"mails": []}), "mails")
    assert_landmarks(render_to_string("demo/mail.html", {"mail": {"subject": "Welcome"}}), "mail")


def test_the_part_of_a_page_that_goes_into_the_dialog_has_no_landmark_of_a_page(admin_browser):
    page = admin_browser.get(reverse("operators:group-add"), headers={"HX-Request": "true"}).text
    found = Landmarks(page)
    assert (found.banners, found.mains) == (0, 0)
