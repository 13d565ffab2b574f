"""Deactivating, activating, deleting, and the last administrator."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from operators.models import Operator
from tests.support.factories import make_operator, signed_in


def post(browser, page, operator, **data):
    return browser.post(reverse(f"operators:{page}", args=[operator.pk]), data, follow=True)


def test_deactivation_ends_the_operators_session_at_the_next_request(admin_browser, operator):
    olgas = signed_in(operator)
    assert "is deactivated" in post(admin_browser, "deactivate", operator).text
    assert olgas.get(operator.get_absolute_url()).status_code == 302


def test_deactivating_twice_says_so(admin_browser, operator):
    post(admin_browser, "deactivate", operator)
    assert "was deactivated already" in post(admin_browser, "deactivate", operator).text


def test_an_activated_operator_gets_in_again(admin_browser, account):
    dan = make_operator(account, active=False)
    assert "is active again" in post(admin_browser, "activate", dan).text
    assert signed_in(dan).get(dan.get_absolute_url()).status_code == 302
    dan.refresh_from_db()
    assert dan.is_active


def test_an_invited_operator_is_never_activated(admin_browser, account):
    ivo = make_operator(account, invited=True)
    assert "has not joined yet" in post(admin_browser, "activate", ivo).text
    assert not Operator.objects.get(pk=ivo.pk).is_active


def test_deleting_takes_the_name(admin_browser, operator):
    assert "That is not the name" in post(admin_browser, "delete", operator, name="Olga").text
    assert Operator.objects.filter(pk=operator.pk).exists()


def test_a_deleted_operator_is_gone_and_the_trail_stays(admin_browser, operator):
    assert "is deleted" in post(admin_browser, "delete", operator, name=" Olga  Operator ").text
    assert not Operator.objects.filter(pk=operator.pk).exists()
    assert AuditEntry.objects.latest("pk").subject_name == "Olga Operator (olga@example.com)"


@pytest.mark.parametrize(("name", "data"), [("deactivate", {}), ("delete", {"name": "Anna Admin"})])
def test_the_last_administrator_stays_and_the_message_says_why(admin_browser, admin, name, data):
    page = post(admin_browser, name, admin, **data).text
    assert "last administrator of this account who can sign in" in page
    assert Operator.objects.get(pk=admin.pk).is_active


def test_an_administrator_without_a_way_in_does_not_count_as_another(admin_browser, account, admin):
    make_operator(account, administrator=True, single_sign_on=True)
    make_operator(account, administrator=True, active=False)
    make_operator(account, administrator=True, invited=True)
    assert "last administrator" in post(admin_browser, "deactivate", admin).text


def test_with_another_administrator_one_may_go(admin_browser, account, admin):
    make_operator(account, administrator=True)
    post(admin_browser, "deactivate", admin)
    assert not Operator.objects.get(pk=admin.pk).is_active


@pytest.mark.parametrize("name", ["activate", "deactivate"])
@pytest.mark.parametrize("administrator", [True, False])
def test_the_page_says_first_who_is_an_administrator(admin_browser, account, name, administrator):
    dan = make_operator(account, administrator=administrator, active=name == "deactivate")
    page = admin_browser.get(reverse(f"operators:{name}", args=[dan.pk])).text
    assert ("is in the group Administrators" in page) is administrator


def test_the_page_says_first_that_a_frozen_login_stays_frozen(admin_browser, account):
    dan = make_operator(account, active=False, frozen_at=timezone.now())
    page = admin_browser.get(reverse("operators:activate", args=[dan.pk])).text
    assert "stays so until it is freed" in page


@pytest.mark.parametrize("name", ["deactivate", "delete"])
def test_the_page_says_first_what_will_happen(admin_browser, operator, name):
    page = admin_browser.get(reverse(f"operators:{name}", args=[operator.pk])).text
    assert "is signed out everywhere" in page


def test_the_last_administrator_stays_in_the_group(admin_browser, admin):
    answer = admin_browser.post(reverse("operators:member-of", args=[admin.pk]), {}, follow=True)
    assert "last administrator" in answer.text
    assert Operator.objects.get(pk=admin.pk).is_administrator


def test_groups_are_changed_on_the_tab_member_of(admin_browser, account, operator):
    night = account.groups.create(name="Night shift")
    url = reverse("operators:member-of", args=[operator.pk])
    assert "Saved what" in admin_browser.post(url, {"groups": [night.pk]}, follow=True).text
    assert "Nothing changed." in admin_browser.post(url, {"groups": [night.pk]}, follow=True).text
    assert "Night shift" in admin_browser.get(url).text


def test_the_activity_tab_shows_what_happened(admin_browser, operator):
    post(admin_browser, "deactivate", operator)
    page = admin_browser.get(reverse("operators:activity", args=[operator.pk])).text
    assert "Operator deactivated" in page
