"""After signing in one is back where one was, also where one had pressed a button."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD

LOGIN = reverse("operators:login")


@pytest.mark.parametrize(
    ("referer", "target"),
    [
        ("http://testserver/operators/5/?a=b", "/operators/5/%3Fa%3Db"),
        ("https://evil.example.com/operators/5/", "/"),
        ("", "/"),
    ],
)
def test_a_button_leads_back_to_its_page(db, referer, target):
    url = reverse("operators:override", args=[5])
    assert Client().post(url, headers={"referer": referer}).url == f"{LOGIN}?next={target}"


def test_a_button_s_own_address_shows_a_page_of_the_product(admin, admin_browser):
    answer = admin_browser.get(reverse("operators:override", args=[admin.pk]))
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert "It belongs to a button" in answer.text


@pytest.mark.parametrize("target", ["nowhere", "operators:list", "login", "a b"])
def test_what_is_no_path_leads_to_the_first_page(operator, operator_browser, target):
    query = {"next": target}
    assert operator_browser.get(LOGIN, query).url == operator.get_absolute_url()
    data = {"email": operator.email, "password": PASSWORD, **query}
    assert Client().post(LOGIN, data).url == operator.get_absolute_url()
