"""Sub accounts: who may change them, what changes, and what is recorded."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Action, AuditEntry
from operators.groups.sub_accounts import assign, create_sub_account, delete_sub_account, rename_sub_account
from operators.models import Operator, SubAccount
from tests.support.factories import NOBODY, make_account, make_operator

LIST = reverse("operators:sub-accounts")
ADD = reverse("operators:sub-account-add")


def edit_page(sub_account):
    return reverse("operators:sub-account", args=[sub_account.pk])


def delete_page(sub_account):
    return reverse("operators:sub-account-delete", args=[sub_account.pk])


def last_entry():
    return AuditEntry.objects.first()


@pytest.fixture
def berlin(account):
    return create_sub_account(account, "Berlin", NOBODY)


# Who may


@pytest.mark.parametrize("url", [LIST, ADD])
def test_an_operator_who_is_no_administrator_may_not_see_them(operator_browser, url):
    assert operator_browser.get(url).status_code == 403


@pytest.mark.parametrize("page", [edit_page, delete_page])
def test_an_operator_who_is_no_administrator_may_not_change_one(operator_browser, berlin, page):
    assert operator_browser.post(page(berlin), {"name": "Mine"}).status_code == 403


@pytest.mark.parametrize("page", [edit_page, delete_page])
def test_a_sub_account_of_another_account_does_not_exist(admin_browser, page):
    foreign = create_sub_account(make_account(name="Other"), "Oslo", NOBODY)
    assert admin_browser.get(page(foreign)).status_code == 404
    assert admin_browser.post(page(foreign), {"name": "Mine"}).status_code == 404
    assert SubAccount.objects.filter(name="Oslo").exists()


# The list


def test_the_list_is_by_name_and_counts_operators(admin_browser, account, operator, berlin):
    create_sub_account(account, "amsterdam", NOBODY)
    create_sub_account(make_account(name="Other"), "Oslo", NOBODY)
    assign(operator, berlin, NOBODY)
    page = admin_browser.get(LIST).context["page"]
    assert [(row.name, row.size) for row in page] == [("amsterdam", 0), ("Berlin", 1)]


def test_an_empty_list_says_what_to_do(admin_browser):
    assert "There are no sub accounts. Add one" in admin_browser.get(LIST).content.decode()


def test_a_page_that_there_is_not_is_no_error(admin_browser, berlin):
    assert admin_browser.get(LIST, {"page": "abc"}).status_code == 200


def test_more_sub_accounts_do_not_take_more_queries(admin_browser, account):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(LIST)
        return len(captured)

    create_sub_account(account, "Berlin", NOBODY)
    few = queries()
    for number in range(15):
        assign(make_operator(account), create_sub_account(account, f"Office {number}", NOBODY), NOBODY)
    assert queries() == few


# Adding and renaming


def test_a_sub_account_is_added(admin_browser, admin):
    response = admin_browser.post(ADD, {"name": "Berlin"}, follow=True)
    assert "Berlin is added" in response.content.decode()
    entry = last_entry()
    assert (entry.action, entry.actor_id, entry.new) == (Action.SUB_ACCOUNT_CREATED, admin.pk, "Berlin")


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 255, "nul\0", "bERLIN"])
def test_a_name_that_cannot_be_is_an_error_of_the_field(admin_browser, berlin, name):
    assert admin_browser.post(ADD, {"name": name}).context["form"].errors["name"]
    assert SubAccount.objects.count() == 1


def test_a_name_is_taken_in_any_letter_case(admin_browser, berlin):
    assert "is taken" in admin_browser.post(ADD, {"name": "BERLIN"}).content.decode()


def test_a_sub_account_is_renamed(admin_browser, berlin):
    admin_browser.post(edit_page(berlin), {"name": "Potsdam"})
    entry = last_entry()
    assert (entry.action, entry.old, entry.new) == (Action.SUB_ACCOUNT_RENAMED, "Berlin", "Potsdam")
    assert SubAccount.objects.get().name == "Potsdam"


def test_the_rename_page_shows_the_name(admin_browser, berlin):
    assert 'value="Berlin"' in admin_browser.get(edit_page(berlin)).content.decode()


def test_the_same_name_changes_nothing(admin_browser, berlin):
    response = admin_browser.post(edit_page(berlin), {"name": "Berlin"}, follow=True)
    assert "Nothing changed" in response.content.decode()
    assert not AuditEntry.objects.filter(action=Action.SUB_ACCOUNT_RENAMED).exists()


def test_a_sub_account_is_not_renamed_to_a_name_that_is_taken(admin_browser, account, berlin):
    create_sub_account(account, "Potsdam", NOBODY)
    assert admin_browser.post(edit_page(berlin), {"name": "potsdam"}).context["form"].errors["name"]


def test_a_sub_account_that_has_gone_meanwhile_is_not_renamed(berlin):
    SubAccount.objects.filter(pk=berlin.pk).delete()
    with pytest.raises(SubAccount.DoesNotExist):
        rename_sub_account(berlin, "Potsdam", NOBODY)


# Deleting


def test_deleting_asks_first(admin_browser, berlin):
    assert "It has no operators" in admin_browser.get(delete_page(berlin)).content.decode()
    assert SubAccount.objects.exists()


def test_an_empty_sub_account_is_deleted(admin_browser, berlin):
    assert admin_browser.post(delete_page(berlin)).url == LIST
    assert not SubAccount.objects.exists()
    assert (last_entry().action, last_entry().old) == (Action.SUB_ACCOUNT_DELETED, "Berlin")


def test_a_sub_account_with_operators_is_not_deleted(admin_browser, operator, berlin):
    assign(operator, berlin, NOBODY)
    assert "still has 1 operator" in admin_browser.get(delete_page(berlin)).content.decode()
    response = admin_browser.post(delete_page(berlin), follow=True)
    assert "Berlin still has operators" in response.content.decode()
    assert SubAccount.objects.exists()
    assert not AuditEntry.objects.filter(action=Action.SUB_ACCOUNT_DELETED).exists()


def test_a_second_deletion_is_recorded_once(account, berlin):
    assert delete_sub_account(berlin, NOBODY)
    assert not delete_sub_account(SubAccount(pk=999, account=account, name="Berlin"), NOBODY)
    assert AuditEntry.objects.filter(action=Action.SUB_ACCOUNT_DELETED).count() == 1


# Assigning


def test_an_operator_is_put_into_a_sub_account(operator, berlin):
    assert assign(operator, berlin, NOBODY)
    assert Operator.objects.get(pk=operator.pk).sub_account == berlin
    entry = last_entry()
    assert (entry.action, entry.subject_id) == (Action.SUB_ACCOUNT_CHANGED, operator.pk)
    assert (entry.old, entry.new) == ("", "Berlin")


def test_an_operator_is_taken_out_of_a_sub_account(operator, berlin):
    assign(operator, berlin, NOBODY)
    assert assign(operator, None, NOBODY)
    assert Operator.objects.get(pk=operator.pk).sub_account is None
    assert (last_entry().old, last_entry().new) == ("Berlin", "")


def test_the_same_sub_account_changes_nothing(operator, berlin):
    assign(operator, berlin, NOBODY)
    before = AuditEntry.objects.count()
    assert not assign(operator, berlin, NOBODY)
    assert AuditEntry.objects.count() == before


def test_a_sub_account_of_another_account_is_refused(operator):
    foreign = create_sub_account(make_account(name="Other"), "Oslo", NOBODY)
    with pytest.raises(SubAccount.DoesNotExist):
        assign(operator, foreign, NOBODY)
    assert Operator.objects.get(pk=operator.pk).sub_account is None
