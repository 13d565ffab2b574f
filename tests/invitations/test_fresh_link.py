"""How long a copied link is shown, and to whom."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from invitations import fresh_link
from invitations.models import Link
from tests.support.factories import make_operator, signed_in

GONE = "That link is not shown any more."


@pytest.fixture
def ivo(account):
    return make_operator(account, "ivo@example.com", name="Ivo Invited", invited=True)


@pytest.fixture
def url(ivo):
    return reverse("operators:invitation-copy", args=[ivo.pk])


def link_on(answer) -> str:
    return answer.context["link"]


def test_a_reload_shows_the_same_link_and_makes_no_other(admin_browser, url):
    answer = admin_browser.post(url)
    assert (answer.status_code, answer.url) == (302, url)
    first = link_on(admin_browser.get(url))
    assert link_on(admin_browser.get(url)) == first
    assert AuditEntry.objects.filter(action=Action.INVITATION_LINK).count() == 1


def test_the_session_keeps_the_link_unreadable(admin_browser, url):
    link = link_on(admin_browser.post(url, follow=True))
    token = link.rstrip("/").split("/")[-1]
    assert token not in str(dict(admin_browser.session))


def test_another_administrator_does_not_see_it(admin_browser, account, url):
    admin_browser.post(url)
    other = signed_in(make_operator(account, administrator=True))
    assert GONE in other.get(url, follow=True).text


def test_it_is_not_shown_on_the_page_of_somebody_else(admin_browser, account, url):
    admin_browser.post(url)
    eva = make_operator(account, invited=True)
    assert GONE in admin_browser.get(reverse("operators:invitation-copy", args=[eva.pk]), follow=True).text


def test_it_is_gone_once_the_page_was_left(admin_browser, ivo, url):
    admin_browser.post(url)
    admin_browser.get(ivo.get_absolute_url())
    assert fresh_link.TOKEN.key not in admin_browser.session
    assert GONE in admin_browser.get(url, follow=True).text


@pytest.mark.parametrize(("seconds", "shown"), [(899, True), (901, False)])
def test_it_is_shown_for_a_quarter_of_an_hour(admin_browser, url, seconds, shown):
    admin_browser.post(url)
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        assert (GONE not in admin_browser.get(url, follow=True).text) == shown


def test_a_link_that_a_newer_one_has_replaced_is_not_shown(admin_browser, ivo, url):
    admin_browser.post(url)
    Link.issue(ivo, Link.Purpose.INVITATION, ivo.email)
    assert GONE in admin_browser.get(url, follow=True).text
