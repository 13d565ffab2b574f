"""Long texts: nothing is done with one before its length is looked at, whoever sends it, and wherever."""

import encodings.idna
import unicodedata
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from time import process_time

import pytest
from django import forms
from django.contrib.auth.hashers import MD5PasswordHasher
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse

import accounts
import invitations
import operators
import twofactor
from accounts.filters import ListFilters
from accounts.http import LONGEST_ADDRESS, is_ours
from accounts.passwords import PopularPasswordValidator
from accounts.plain_form import BoundedField
from operators.fields import AddressField
from operators.models import Operator
from operators.signin.forms import LinkForm
from tests.support.factories import PASSWORD, make_account, make_operator
from tests.support.pages import PAGES, Forms, waiting_for_code

# 180 kB as they travel; in the form in which names are compared it is 18 times as many letters.
EXPANDS = "\ufdfa" * 60_000
LONG = {
    "domain": f"ana@{EXPANDS}.example",
    "labels": "ana@" + ".".join(["\ufdfa" * 60] * 1000),
    "local part": f"{EXPANDS}@example.com",
    "text": EXPANDS,
}
STRANGERS = [
    "login",
    "forgotten password",
    "code",
    "set-up",
    "password before set-up",
    "invitation",
    "invitation, second page",
    "new password",
    "offer",
]


def all_of(kind: type) -> set[type]:
    """Return what is derived from a kind of form, in all modules of the product."""
    for package in (accounts, invitations, operators, twofactor):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return set(derived_from(kind))


def derived_from(kind: type) -> Iterator[type]:
    each: type
    for each in kind.__subclasses__():
        yield each
        yield from derived_from(each)


def test_every_text_of_every_form_is_bounded_before_it_is_looked_at():
    ours = [form for form in all_of(forms.Form) if form.__module__.partition(".")[0] != "django"]
    texts = {
        f"{form.__module__}.{form.__name__}.{name}": field
        for form in ours
        for name, field in getattr(form, "base_fields", {}).items()
        # A UUID has its own shape, which is found out in one go.
        if isinstance(field, forms.CharField) and not isinstance(field, forms.UUIDField)
    }
    assert len(texts) > 20
    assert [name for name, field in texts.items() if not isinstance(field, BoundedField)] == []


def test_every_search_is_bounded():
    filters = [form for form in all_of(ListFilters) if form.base_fields]
    assert len(filters) > 2
    assert {form.base_fields["search"].max_length for form in filters} == {254}


@pytest.fixture
def expensive(monkeypatch) -> None:
    """Let whatever takes long with a long text fail."""

    def refuse(*_args: object) -> None:
        raise AssertionError

    def normalize(form: str, text: str, real=unicodedata.normalize) -> str:
        assert len(text) < 5000
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    monkeypatch.setattr(encodings.idna, "nameprep", refuse)
    monkeypatch.setattr(encodings.idna, "ToASCII", refuse)
    monkeypatch.setattr(MD5PasswordHasher, "encode", refuse)


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("page", STRANGERS)
def test_a_stranger_s_long_text_is_refused_before_it_costs_anything(db, request, page, kind):
    browser, url = PAGES[page]()
    found = Forms(browser.get(url).text, url).found
    request.getfixturevalue("expensive")
    sent = [(action, fields) for method, action, fields in found if method == "post"]
    assert any(fields.keys() - {"csrfmiddlewaretoken"} for _action, fields in sent)
    for action, fields in sent:
        if action != reverse("operators:logout"):
            for field in fields.keys() - {"csrfmiddlewaretoken"}:
                good = {"email": "ana@example.com", "password": PASSWORD, "name": "Ana"}
                answer = browser.post(action, {**fields, **good, field: LONG[kind]})
                assert answer.status_code < 500, (action, field)


@pytest.mark.parametrize("kind", LONG)
def test_so_is_one_in_place_of_a_recovery_code(db, request, kind):
    browser, _url = waiting_for_code()
    request.getfixturevalue("expensive")
    answer = browser.post(reverse("twofactor:recover"), {"code": LONG[kind]})
    assert "Type one of your recovery codes" in answer.text
    assert Operator.objects.get().code_failures == 0


def test_a_long_address_is_refused_at_the_form_and_not_at_the_database(db, expensive):
    answer = Client().post(reverse("operators:password-reset"), {"email": LONG["domain"]})
    [error] = answer.context["form"].errors["email"]
    assert error == "Ensure this value has at most 254 characters (it has 60012)."


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (f"{'a' * 64}@example.com", None),
        (f"{'a' * 65}@example.com", "local"),
        (f"a@{'b' * 63}.example", None),
        (f"a@{'b' * 64}.example", "domain"),
        ("a@" + "\ufdfa" * 64 + ".example", "domain"),
        (f"a@{'bcd.' * 60}example", None),
        (f"a@{'b.' * 120}example.com", None),
    ],
)
def test_each_part_of_an_address_has_its_own_length(address, code):
    form = LinkForm({"email": address})
    found = form.errors.as_data().get("email", [])
    assert [error.code for error in found] == ([code] if code else [])


def test_spaces_around_a_text_are_not_counted():
    assert AddressField().clean(" " * 1000 + "ana@example.com" + " " * 1000) == "ana@example.com"


def test_an_address_to_lead_back_to_is_as_long_as_browsers_take(db):
    request: HttpRequest = RequestFactory().get("/")
    assert is_ours(request, "/" + "a" * (LONGEST_ADDRESS - 1))
    assert not is_ours(request, "/" + "a" * LONGEST_ADDRESS)


def test_whoever_brings_a_longer_one_logs_in_and_lands_on_the_first_page(db):
    operator = make_operator(make_account())
    data = {"email": operator.email, "password": PASSWORD, "next": "//" + EXPANDS}
    answer = Client().post(reverse("operators:login"), data)
    assert answer.url == operator.get_absolute_url()


def test_a_password_of_signs_alone_is_looked_at_in_one_go():
    """Trying at each of 4,094 digits whether the rest is digits takes a fifth of a second."""
    began = process_time()
    PopularPasswordValidator().validate("a" + "1" * 4094 + "a")
    assert process_time() - began < 0.1


def test_a_cell_of_a_table_is_bounded_too(admin_browser, expensive):
    table = f"Ivo,ivo@example.com,{'a|' * 1001}\nAna,ana@example.com,\n"
    answer = admin_browser.post(reverse("operators:invite-many"), {"text": table})
    assert (answer.context["good"], answer.context["bad"]) == (1, 1)
    assert "A cell of this row is too long: at most 2,000 characters." in answer.text
