"""A form whose CSRF token does not fit: nothing is done, and the person goes on from where they were."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from tests.support import twice
from tests.support.database import everything
from tests.support.factories import PASSWORD, code_for, enroll, make_account, make_operator

OUT_OF_DATE = "This page was out of date"
STRANGERS = [
    twice.code,
    twice.recovery_code,
    twice.setup_password,
    twice.setup,
    twice.invitation,
    twice.invitation_with_a_code,
    twice.password_reset,
    twice.new_address,
]


def old_login(browser: Client, operator: Operator, **more: str) -> twice.Form:
    """The login form in a tab that has stood open for a while."""
    return twice.filled(browser, twice.LOGIN, "", email=operator.email, password=PASSWORD, **more)


def sign_in_elsewhere(browser: Client, operator: Operator) -> None:
    """Sign in in another tab of the same browser: the token is another one from then on."""
    assert old_login(browser, operator).send().status_code == 302


def test_who_has_signed_in_in_another_tab_goes_on_to_where_the_old_form_wanted(operator):
    browser = twice.new_browser()
    form = old_login(browser, operator, next="/my-settings/sessions/")
    sign_in_elsewhere(browser, operator)
    answer = form.send()
    assert (answer.status_code, answer.headers["Location"]) == (302, "/my-settings/sessions/")
    assert AuditEntry.objects.filter(action=Action.SIGNED_IN).count() == 1


def test_without_a_wish_they_go_to_their_first_page(operator):
    browser = twice.new_browser()
    form = old_login(browser, operator)
    sign_in_elsewhere(browser, operator)
    assert form.send().headers["Location"] == operator.get_absolute_url()


def test_where_somebody_else_has_signed_in_the_old_form_changes_nothing(account, operator):
    browser, other = twice.new_browser(), make_operator(account)
    form = old_login(browser, operator)
    sign_in_elsewhere(browser, other)
    assert form.send().headers["Location"] == other.get_absolute_url()
    assert browser.get(other.get_absolute_url()).status_code == 200


def test_the_code_of_a_login_that_was_finished_in_another_tab_leads_on(operator):
    enroll(operator)
    browser = twice.log_in(operator)
    form = twice.filled(browser, twice.VERIFY, "", code=code_for())
    twice.filled(browser, twice.VERIFY, "", code=code_for()).send()
    assert form.send().headers["Location"] == operator.get_absolute_url()


def test_without_cookies_the_login_page_comes_afresh_with_all_but_the_password(operator):
    form = old_login(twice.new_browser(), operator, next="/my-settings/sessions/")
    form.browser.cookies.clear()
    answer = form.send()
    assert answer.status_code == 200
    assert OUT_OF_DATE in answer.text
    assert f'value="{operator.email}"' in answer.text
    assert '<input type="hidden" name="next" value="/my-settings/sessions/">' in answer.text
    assert PASSWORD not in answer.text
    again = twice.filled_on(
        answer.text, form.browser, twice.LOGIN, "", **form.data | {"csrfmiddlewaretoken": ""}
    )
    again.data["csrfmiddlewaretoken"] = form.browser.cookies["csrftoken"].value
    assert again.send().headers["Location"] == "/my-settings/sessions/"


def test_a_target_on_another_site_is_not_kept(operator):
    form = old_login(twice.new_browser(), operator, next="https://evil.example.com/")
    form.browser.cookies.clear()
    assert "evil" not in form.send().text


@pytest.mark.parametrize("act", STRANGERS, ids=lambda act: act.__name__)
@pytest.mark.parametrize("lost", ["csrftoken", "all cookies"])
def test_pages_for_strangers_come_afresh_and_carry_nothing_out(db, act, lost):
    form = act()
    if lost == "all cookies":
        form.browser.cookies.clear()
    else:
        del form.browser.cookies[lost]
    stored = everything()
    answer = form.browser.post(form.at, form.data, follow=True)
    assert everything() == stored
    assert answer.status_code == 200
    assert "403_csrf.html" not in [template.name for template in answer.templates]
    assert any(words in answer.text for words in (OUT_OF_DATE, "Log in again to go on."))
    for name, value in form.data.items():
        assert ("password" not in name and "code" not in name) or f'"{value}"' not in answer.text


def test_what_was_typed_into_an_invitation_is_kept(db):
    form = twice.invitation()
    form.data["name"] = "Ivo The Second"
    del form.browser.cookies["csrftoken"]
    assert 'value="Ivo The Second"' in form.send().text


def test_so_is_the_address_for_a_new_password(db):
    form = twice.filled(
        twice.new_browser(), reverse("operators:password-reset"), "", email="olga@example.com"
    )
    form.browser.cookies.clear()
    answer = form.send()
    assert OUT_OF_DATE in answer.text
    assert 'value="olga@example.com"' in answer.text


@pytest.mark.parametrize("act", [twice.setup, twice.invitation, twice.password_reset, twice.new_address])
def test_a_browser_that_has_lost_which_link_it_opened_is_told_to_open_it_once_more(db, act):
    form = act()
    form.browser.cookies.clear()
    answer = form.send()
    assert "Open the link in your email once more" in answer.text
    assert "does not work any more" not in answer.text


def test_a_button_leads_back_to_its_page_with_a_word(db):
    operator = make_operator(make_account(Policy.REQUIRED))
    browser = twice.log_in(operator)
    page = reverse("invitations:check-email")
    form = twice.filled(browser, page, "", at=reverse("invitations:send-again"))
    del browser.cookies["csrftoken"]
    answer = browser.post(form.at, form.data, headers={"referer": f"http://testserver{page}"}, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "nothing was done. Try again." in answer.text


def test_who_is_not_signed_in_any_more_logs_in_and_comes_back(operator):
    page = reverse("operators:name", args=[operator.pk])
    form = twice.filled(twice.inside(operator), page, "", name="Olga Other")
    form.browser.cookies.clear()
    answer = form.browser.post(form.at, form.data, headers={"referer": f"http://testserver{page}"})
    assert answer.headers["Location"] == f"{twice.LOGIN}?next={page}"
    operator.refresh_from_db()
    assert operator.name == "Olga Operator"
