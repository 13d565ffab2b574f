"""Groups: who may change them, what changes, what is recorded, and who can never be removed."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Action, AuditEntry
from operators.groups import groups as journey
from operators.groups.groups import UnchangeableError, add_member, create_group, remove_member, set_groups
from operators.models import Group, Membership, Operator
from operators.status.labels import group_labels
from tests.support.factories import NOBODY, make_account, make_operator, signed_in

LIST = reverse("operators:groups")
ADD = reverse("operators:group-add")


def page_of(group):
    return reverse("operators:group", args=[group.pk])


def labels(operator):
    return group_labels(Operator.objects.get(pk=operator.pk))


def last_entry():
    return AuditEntry.objects.first()


@pytest.fixture
def night(account):
    return create_group(account, "Night shift", NOBODY)


@pytest.fixture
def administrators(account):
    return account.groups.get(kind=Group.Kind.ADMINISTRATORS)


@pytest.fixture
def everyone(account):
    return account.groups.get(kind=Group.Kind.EVERYONE)


# Who may


@pytest.mark.parametrize("name", ["group", "group-delete"])
def test_an_operator_who_is_no_administrator_may_not_change_a_group(operator_browser, night, name):
    url = reverse(f"operators:{name}", args=[night.pk])
    assert operator_browser.get(url).status_code == 403
    assert operator_browser.post(url, {"name": "Mine"}).status_code == 403


@pytest.mark.parametrize("url", [LIST, ADD])
def test_an_operator_who_is_no_administrator_may_not_see_the_groups(operator_browser, url):
    assert operator_browser.get(url).status_code == 403


@pytest.mark.parametrize("name", ["group", "group-delete"])
def test_a_group_of_another_account_does_not_exist(admin_browser, name):
    foreign = create_group(make_account(name="Other"), "Secret", NOBODY)
    url = reverse(f"operators:{name}", args=[foreign.pk])
    assert admin_browser.get(url).status_code == 404
    assert admin_browser.post(url, {"name": "Mine"}).status_code == 404
    assert Group.objects.filter(name="Secret").exists()


def test_changes_need_the_token_of_the_form(admin, night):
    browser = signed_in(admin)
    browser.handler.enforce_csrf_checks = True
    assert browser.post(page_of(night), {"name": "Mine"}).status_code == 403


# The list


def test_system_groups_come_first(admin_browser, account):
    create_group(account, "aardvarks", NOBODY)
    create_group(account, "Zebras", NOBODY)
    page = admin_browser.get(LIST).context["page"]
    assert [group.label for group in page] == ["Administrators", "Everyone", "aardvarks", "Zebras"]


def test_the_list_counts_members(admin_browser, operator, night):
    add_member(night, operator, NOBODY)
    page = admin_browser.get(LIST)
    assert [group.size for group in page.context["page"]] == [1, 0, 1]
    assert page.context["everyone"] == 2


def test_without_own_groups_the_list_says_what_to_do(admin_browser):
    assert "There are no groups of your own yet" in admin_browser.get(LIST).content.decode()


def test_more_groups_do_not_take_more_queries(admin_browser, account):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(LIST)
        return len(captured)

    few = queries()
    for number in range(15):
        add_member(create_group(account, f"Group {number}", NOBODY), make_operator(account), NOBODY)
    assert queries() == few


# Adding


def test_a_group_is_added(admin_browser, admin):
    response = admin_browser.post(ADD, {"name": "  Night shift "}, follow=True)
    group = Group.objects.get(kind=Group.Kind.OWN)
    assert group.name == "Night shift"
    assert response.redirect_chain == [(page_of(group), 302)]
    assert "Night shift is added" in response.content.decode()
    entry = last_entry()
    assert (entry.action, entry.actor_id, entry.new) == (Action.GROUP_CREATED, admin.pk, "Night shift")


@pytest.mark.parametrize(
    "name", ["", "   ", "two\nlines", "x" * 255, "nul\0", "Night shift", "nIGHT SHIFT", "everyone"]
)
def test_a_name_that_cannot_be_is_an_error_of_the_field(admin_browser, night, name):
    response = admin_browser.post(ADD, {"name": name})
    assert response.status_code == 200
    assert response.context["form"].errors["name"]
    assert Group.objects.filter(kind=Group.Kind.OWN).count() == 1


def test_names_differ_by_more_than_letter_case_beyond_ascii_too(admin_browser, account):
    create_group(account, "Ärzte", NOBODY)
    assert "taken" in admin_browser.post(ADD, {"name": "ÄRZTE"}).content.decode()


def test_another_account_may_have_the_same_name(admin_browser):
    create_group(make_account(name="Other"), "Night shift", NOBODY)
    assert admin_browser.post(ADD, {"name": "Night shift"}).status_code == 302


def test_a_name_is_taken_in_any_letter_case(admin_browser, night):
    response = admin_browser.post(ADD, {"name": "night shift"})
    assert response.context["form"].errors["name"] == ["The name “night shift” is taken. Choose another one."]


# Renaming


def test_a_group_is_renamed(admin_browser, night):
    response = admin_browser.post(page_of(night), {"name": "Day shift"}, follow=True)
    assert "The group is now called Day shift" in response.content.decode()
    entry = last_entry()
    assert (entry.action, entry.old, entry.new) == (Action.GROUP_RENAMED, "Night shift", "Day shift")


def test_the_letter_case_of_a_name_can_be_changed(admin_browser, night):
    admin_browser.post(page_of(night), {"name": "NIGHT SHIFT"})
    night.refresh_from_db()
    assert night.name == "NIGHT SHIFT"


def test_the_same_name_changes_nothing(admin_browser, night):
    before = AuditEntry.objects.count()
    response = admin_browser.post(page_of(night), {"name": "Night shift"}, follow=True)
    assert "Nothing changed" in response.content.decode()
    assert AuditEntry.objects.count() == before


def test_a_group_is_not_renamed_to_a_name_that_is_taken(admin_browser, account, night):
    create_group(account, "Day shift", NOBODY)
    response = admin_browser.post(page_of(night), {"name": "day shift"})
    assert response.context["form"].errors["name"]
    night.refresh_from_db()
    assert night.name == "Night shift"


@pytest.mark.parametrize("kind", [Group.Kind.ADMINISTRATORS, Group.Kind.EVERYONE])
def test_system_groups_are_neither_renamed_nor_deleted(admin_browser, account, kind):
    group = account.groups.get(kind=kind)
    delete = reverse("operators:group-delete", args=[group.pk])
    assert admin_browser.post(page_of(group), {"name": "Mine"}).status_code == 404
    assert admin_browser.get(delete).status_code == 404
    assert admin_browser.post(delete).status_code == 404
    with pytest.raises(UnchangeableError):
        journey.delete_group(group, NOBODY)


def test_a_group_that_has_gone_meanwhile_is_not_renamed(night):
    Group.objects.filter(pk=night.pk).delete()
    with pytest.raises(Group.DoesNotExist):
        journey.rename_group(night, "Day shift", NOBODY)


# Deleting


def test_deleting_asks_first_and_says_what_happens(admin_browser, operator, night):
    add_member(night, operator, NOBODY)
    page = admin_browser.get(reverse("operators:group-delete", args=[night.pk])).content.decode()
    assert "its 1 member is in it no more" in page
    assert Group.objects.filter(pk=night.pk).exists()


def test_a_group_is_deleted_and_its_members_stay(admin_browser, operator, night):
    add_member(night, operator, NOBODY)
    response = admin_browser.post(reverse("operators:group-delete", args=[night.pk]))
    assert response.url == LIST
    assert not Group.objects.filter(pk=night.pk).exists()
    assert labels(operator) == ["Everyone"]
    assert (last_entry().action, last_entry().old) == (Action.GROUP_DELETED, "Night shift")


def test_a_second_deletion_is_recorded_once(night):
    assert journey.delete_group(night, NOBODY)
    assert not journey.delete_group(Group(pk=night.pk, account=night.account, name="Night shift"), NOBODY)
    assert AuditEntry.objects.filter(action=Action.GROUP_DELETED).count() == 1


# Members


def test_ticked_operators_are_added(admin_browser, admin, operator, night):
    response = admin_browser.post(page_of(night), {"add": [admin.pk, operator.pk, ""]}, follow=True)
    assert "2 operators are now members of Night shift" in response.content.decode()
    assert night.members.count() == 2


def test_an_added_member_is_recorded_with_the_groups_before_and_after(admin_browser, admin, operator, night):
    admin_browser.post(page_of(night), {"add": operator.pk})
    entry = last_entry()
    assert (entry.action, entry.actor_id, entry.subject_id) == (Action.GROUPS_CHANGED, admin.pk, operator.pk)
    assert (entry.old, entry.new) == ("Everyone", "Everyone, Night shift")


def test_adding_a_member_again_changes_nothing(admin_browser, operator, night):
    add_member(night, operator, NOBODY)
    before = AuditEntry.objects.count()
    assert (
        "Nothing changed"
        in admin_browser.post(page_of(night), {"add": operator.pk}, follow=True).content.decode()
    )
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("number", ["", "abc", "²", "-1", "9" * 30, "999999"])
def test_numbers_that_are_no_operators_are_left_out(admin_browser, night, number):
    assert admin_browser.post(page_of(night), {"add": number}).status_code == 302
    assert admin_browser.post(page_of(night), {"remove": number}).status_code == 404
    assert not night.members.exists()


def test_an_operator_of_another_account_is_not_added(admin_browser, night):
    stranger = make_operator(make_account(name="Other"))
    admin_browser.post(page_of(night), {"add": stranger.pk})
    assert not night.members.exists()


def test_a_member_is_removed(admin_browser, operator, night):
    add_member(night, operator, NOBODY)
    response = admin_browser.post(page_of(night), {"remove": operator.pk}, follow=True)
    assert "Olga Operator is no longer a member of Night shift" in response.content.decode()
    assert labels(operator) == ["Everyone"]
    assert (last_entry().old, last_entry().new) == ("Everyone, Night shift", "Everyone")


def test_search_narrows_members_and_candidates(admin_browser, account, night):
    for name in ("Olga In", "Olga Out", "Berta In", "Berta Out"):
        person = make_operator(account, name=name)
        if name.endswith("In"):
            add_member(night, person, NOBODY)
    context = admin_browser.get(page_of(night), {"search": "olga"}).context
    assert [operator.name for operator in context["page"]] == ["Olga In"]
    assert [operator.name for operator in context["others"]] == ["Olga Out"]


def test_only_the_first_candidates_are_offered(admin_browser, account, night):
    for number in range(15):
        make_operator(account, name=f"Person {number:02}")
    response = admin_browser.get(page_of(night))
    assert len(response.context["others"]) == 10
    assert "Search above for the others" in response.content.decode()


def test_a_search_that_cannot_be_used_is_no_error(admin_browser, night):
    response = admin_browser.get(page_of(night), {"search": "x" * 10_000, "page": "abc"})
    assert "Part of this filter cannot be used" in response.content.decode()


def test_more_members_do_not_take_more_queries(admin_browser, account, night):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(page_of(night))
        return len(captured)

    add_member(night, make_operator(account), NOBODY)
    few = queries()
    for _number in range(15):
        add_member(night, make_operator(account), NOBODY)
    assert queries() == few


# Everyone


def test_everyone_says_that_every_operator_is_in_it(admin_browser, operator, everyone):
    page = admin_browser.get(page_of(everyone)).content.decode()
    assert "Every operator of the account is in it, now all 2" in page
    assert 'name="add"' not in page


def test_everyone_cannot_be_changed(admin_browser, operator, everyone):
    assert admin_browser.post(page_of(everyone), {"add": operator.pk}).status_code == 404
    assert admin_browser.post(page_of(everyone), {"remove": operator.pk}).status_code == 404
    assert not Membership.objects.filter(group=everyone).exists()


# Administrators


def test_an_operator_becomes_an_administrator(admin_browser, operator, administrators):
    admin_browser.post(page_of(administrators), {"add": operator.pk})
    assert Operator.objects.get(pk=operator.pk).is_administrator


def test_the_last_administrator_stays(admin_browser, admin, administrators):
    response = admin_browser.post(page_of(administrators), {"remove": admin.pk}, follow=True)
    assert "Anna Admin is the last administrator" in response.content.decode()
    assert Operator.objects.get(pk=admin.pk).is_administrator
    assert not AuditEntry.objects.filter(action=Action.GROUPS_CHANGED).exists()


def test_an_administrator_who_cannot_sign_in_does_not_count(admin_browser, account, admin, administrators):
    make_operator(account, administrator=True, active=False)
    make_operator(account, administrator=True, invited=True)
    admin_browser.post(page_of(administrators), {"remove": admin.pk})
    assert Operator.objects.get(pk=admin.pk).is_administrator


def test_whoever_steps_down_lands_on_the_own_page(admin_browser, admin, account, administrators):
    make_operator(account, administrator=True)
    response = admin_browser.post(page_of(administrators), {"remove": admin.pk})
    assert response.url == admin.get_absolute_url()
    assert not Operator.objects.get(pk=admin.pk).is_administrator


# set_groups, which the operator page uses too


def test_set_groups_replaces_all_groups_with_one_entry(operator, admin, account, night, administrators):
    add_member(night, operator, NOBODY)
    other = create_group(account, "Day shift", NOBODY)
    before = AuditEntry.objects.count()
    assert set_groups(operator, [other, administrators], NOBODY)
    assert labels(operator) == ["Administrators", "Everyone", "Day shift"]
    assert AuditEntry.objects.count() == before + 1
    assert last_entry().old == "Everyone, Night shift"


def test_set_groups_tells_when_nothing_changed(operator, night, everyone):
    assert set_groups(operator, [night, everyone], NOBODY)
    before = AuditEntry.objects.count()
    assert not set_groups(operator, [night], NOBODY)
    assert AuditEntry.objects.count() == before


def test_set_groups_refuses_a_group_of_another_account(operator, night):
    foreign = create_group(make_account(name="Other"), "Secret", NOBODY)
    with pytest.raises(Group.DoesNotExist):
        set_groups(operator, [night, foreign], NOBODY)
    assert labels(operator) == ["Everyone"]


def test_the_operator_at_hand_knows_the_new_groups_at_once(operator, administrators):
    set_groups(operator, [administrators], NOBODY)
    assert operator.is_administrator


def test_a_member_is_not_added_to_a_group_that_has_gone(operator, night):
    Group.objects.filter(pk=night.pk).delete()
    with pytest.raises(Group.DoesNotExist):
        add_member(night, operator, NOBODY)


def test_removing_somebody_who_is_no_member_changes_nothing(operator, night):
    assert not remove_member(night, operator, NOBODY)


@pytest.mark.parametrize(
    ("one", "other"), [("Straße", "STRASSE"), ("Öst", "O\u0308ST"), ("Night  shift", "night\u00a0shift")]
)
def test_two_ways_to_type_a_name_are_one_name(admin_browser, one, other):
    assert admin_browser.post(ADD, {"name": one}).status_code == 302
    assert "is taken" in admin_browser.post(ADD, {"name": other}).text


def test_an_accent_makes_another_name(admin_browser):
    assert admin_browser.post(ADD, {"name": "Öst"}).status_code == 302
    assert admin_browser.post(ADD, {"name": "Ost"}).status_code == 302


def test_the_database_itself_refuses_a_second_group_of_a_name(account):
    Group.objects.create(account=account, name="Öst")
    with pytest.raises(IntegrityError), transaction.atomic():
        Group.objects.create(account=account, name="O\u0308ST")


def test_a_new_name_is_compared_as_well(account):
    group = Group.objects.create(account=account, name="Öst")
    Group.objects.filter(pk=group.pk).update(name="West")
    Group.objects.create(account=account, name="Öst")
    with pytest.raises(IntegrityError), transaction.atomic():
        Group.objects.create(account=account, name="WEST")
