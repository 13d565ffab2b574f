"""Does every form say what to do where a field is empty or cannot be read, and where does typing begin?"""

import re

import pytest
from django.test import Client
from django.urls import reverse

from operators.models import Operator
from tests.support import twice
from tests.support.factories import enroll, make_operator, signed_in
from tests.support.flows import link_in_mail
from tests.support.pages import FORM, PAGES, Forms, encoded

SAID_BY_DJANGO = re.compile(r"This field is required|Null characters are not allowed|Your password can")
# Numbers of rows, which nobody types.
CHOSEN = {"groups", "sub_account"}


@pytest.mark.parametrize("page", PAGES)
def test_no_form_says_that_a_field_is_required_without_saying_what_to_do(db, page):
    browser, url = PAGES[page]()
    assert not SAID_BY_DJANGO.search(browser.get(url).text)
    for method, action, fields in Forms(browser.get(url).text, url).found:
        if method == "post" and action != reverse("operators:logout"):
            typed = fields.keys() - CHOSEN
            for data in (dict.fromkeys(fields, ""), {**fields, **dict.fromkeys(typed, "a\0b")}):
                answer = browser.post(action.split("#")[0], encoded(data), content_type=FORM)
                # An export sends a file whatever is in its form.
                page = "" if answer.streaming else answer.text
                assert not SAID_BY_DJANGO.search(page), (action, data)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("operators:login", ["Type your email address.", "Type your password."]),
        ("operators:password-reset", ["Type an email address."]),
        ("operators:invite", ["Type a name.", "Type an email address."]),
        ("operators:create", ["Type a password.", "Type the same password again."]),
        ("operators:group-add", ["Type a name."]),
        ("accounts:settings", ["Choose one of these."]),
        ("operators:password", ["Type your password.", "Type a password."]),
    ],
)
def test_an_empty_field_says_what_to_type(admin, name, said):
    browser = Client() if name in ("operators:login", "operators:password-reset") else signed_in(admin)
    page = browser.post(reverse(name), {}).text
    for sentence in said:
        assert f"<strong>Error:</strong> {sentence}" in page


def test_a_box_and_a_text_without_words_of_their_own_say_what_to_do(admin_browser, account):
    operator = make_operator(account, enrolled=True)
    page = admin_browser.post(reverse("operators:reset", args=[operator.pk]), {"why": "a\0b"}).text
    assert "Remove the control characters: this is one line of text." in page
    assert "Choose how you made sure." in page


# Names


@pytest.mark.parametrize(
    "name",
    ["\u200b", "\u200b\u2060\ufeff", "\u0301", "\u200b\u0301", "\u3164", "\u2800", "\u115f\u1160", "\u00ad"],
)
@pytest.mark.parametrize("page", ["operators:invite", "operators:group-add", "operators:sub-account-add"])
def test_a_name_that_nobody_can_see_is_refused_beside_the_field(admin_browser, page, name):
    answer = admin_browser.post(reverse(page), {"name": name, "email": "ivo@example.com"})
    assert "Type a name that can be seen." in answer.text
    assert not Operator.objects.filter(email="ivo@example.com").exists()


@pytest.mark.parametrize("name", ["é", "4", "?", "नि", "👩\u200d🚒", "ㅎ"])
def test_a_name_with_something_to_see_is_taken(admin_browser, name):
    admin_browser.post(reverse("operators:invite"), {"name": name, "email": "ivo@example.com"})
    assert Operator.objects.get(email="ivo@example.com").name == name


# Passwords


def test_the_rules_for_passwords_fit_whoever_types_one(admin_browser, settings):
    settings.AUTH_PASSWORD_VALIDATORS = [
        {
            "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
            "OPTIONS": {"min_length": 13},
        },
        {"NAME": "tests.test_plain_forms.OwnRule"},
    ]
    for name in ("operators:create", "operators:password"):
        page = admin_browser.get(reverse(name)).text
        assert "<li>The password must have at least 13 characters.</li><li>It must rhyme.</li>" in page


class OwnRule:
    """A rule that the product does not know."""

    def get_help_text(self) -> str:
        """Return the rule in its own words."""
        return "It must rhyme."


# Where typing begins


AUTOFOCUS = re.compile(r'<input[^>]* name="(\w+)"[^>]* autofocus')


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("login", "email"),
        ("forgotten password", "email"),
        ("code", "code"),
        ("set-up", "code"),
        ("password before set-up", "password"),
        ("invitation", "name"),
        ("invitation, second page", "code"),
        ("new password", "new_password"),
        ("scan", "code"),
        ("name", "name"),
        ("password", "current_password"),
    ],
)
def test_typing_begins_in_the_first_field_of_a_page_that_is_there_for_it(db, page, field):
    browser, url = PAGES[page]()
    assert AUTOFOCUS.findall(browser.get(url).text) == [field]


def test_typing_begins_in_the_code_field_where_setting_up_was_chosen(admin_browser):
    admin_browser.post(reverse("operators:invite"), {"name": "Ivo", "email": "ivo@example.com"})
    browser, new = Client(), "a fine long password"
    browser.get(link_in_mail())
    browser.post(
        reverse("invitations:accept"), {"name": "Ivo", "new_password": new, "new_password_again": new}
    )
    page = browser.get(reverse("invitations:accept-two-factor"), {"now": ""}).text
    assert AUTOFOCUS.findall(page) == ["code"]


def test_a_password_is_masked_and_password_managers_know_which_it_is(operator_browser):
    """OWASP ASVS 5.0, 6.2.6 and 6.2.7."""
    pages = {Client(): "operators:login", operator_browser: "operators:password"}
    inputs = [
        tag
        for browser, name in pages.items()
        for tag in re.findall(r"<input[^>]*password[^>]*>", browser.get(reverse(name)).text)
    ]
    kinds = [re.search(r'autocomplete="([\w-]+)"', tag) for tag in inputs]
    assert all('type="password"' in tag for tag in inputs)
    assert [kind and kind[1] for kind in kinds] == ["current-password"] * 2 + ["new-password"] * 2


def test_password_managers_learn_whose_password_an_invitation_makes(db):
    form = twice.invitation()
    email = Operator.objects.get(name="Ivo").email
    page = form.browser.get(form.at).text
    assert f'<input type="text" autocomplete="username" value="{email}" readonly hidden>' in page


def test_and_whose_password_ones_own_reset_asks_for(operator):
    enroll(operator)
    page = signed_in(operator).get(reverse("operators:reset", args=[operator.pk])).text
    assert f'autocomplete="username" value="{operator.email}"' in page
