"""One thing done to many operators: the preview, the confirmation, the work, and what is left out."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.core import mail
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from invitations import invite, setup_link
from invitations.mail_limits import TooManyMailsError
from invitations.models import TooSoonError
from operators.bulk import acts, preview, work
from operators.bulk.acts import OVERRIDES
from operators.models import Group, Operator
from operators.models.bulk import HEARTBEAT_TIMEOUT, BulkAction, BulkItem, Reason
from operators.people import removal
from operators.people.reset import reset
from tests.support.bulk import BULK, chosen, confirm, fields_of, found_in
from tests.support.factories import NOBODY, PASSWORD, enroll, make_account, make_operator, signed_in
from twofactor.models import Authenticator
from twofactor.proof import SESSION_KEY
from uptrends_2fa import settings as product_settings

LIST = reverse("operators:list")
APART = (BulkAction.Kind.GROUP, BulkAction.Kind.INVITE)
KINDS = [kind for kind in BulkAction.Kind if kind not in APART]
RESET = {"why": "New phones", "identity_check": "in person"}


@pytest.fixture
def queue(settings):
    """Tasks wait for a worker."""
    settings.TASKS = {"default": {"BACKEND": product_settings.TASK_BACKENDS["database"]}}


@pytest.fixture
def many(account, admin, monkeypatch):
    """More operators than are done at once."""
    monkeypatch.setattr(work, "AT_ONCE", 2)
    monkeypatch.setattr(work, "BATCH", 2)
    return [make_operator(account, name=f"Person {number}") for number in range(5)]


def outcome(action):
    return {item.operator_id: item.reason or item.state for item in action.items.all()}


def entries(action):
    return AuditEntry.objects.filter(action=action)


# Choosing


@pytest.mark.parametrize("kind", [*OVERRIDES, BulkAction.Kind.RESET])
def test_while_the_setting_is_disabled_an_override_is_not_said_to_change_anything(
    admin_browser, account, kind
):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    stored = Policy.REQUIRED if kind == BulkAction.Kind.NO_OVERRIDE else ""
    operator = make_operator(account, enrolled=True, override=stored)
    page = admin_browser.get(BULK, chosen(kind, [operator])).text
    waits = "Nothing changes for them while the account&#x27;s setting is Disabled." in page
    assert waits is (kind in OVERRIDES)


def test_the_list_has_a_box_for_each_operator_and_all_actions(admin_browser, operator):
    page = admin_browser.get(LIST).text
    assert f'name="operator" value="{operator.pk}" form="bulk"' in page
    for kind in KINDS:
        assert f'<option value="{kind}">' in page


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "reset"}, "Tick at least one operator."),
        ({"operator": "1"}, "Choose an action."),
        ({"kind": "nonsense", "operator": "1"}, "Choose an action."),
        ({"kind": "reset", "operator": ["x", "9" * 30, "-1"]}, "Tick at least one operator."),
        ({"kind": "reset", "every": "on", "filters": "status=nonsense"}, "The filters do not fit any more."),
    ],
)
def test_what_cannot_be_understood_leads_back_to_the_list_with_words(admin_browser, data, words):
    assert words in admin_browser.get(BULK, data, follow=True).text
    assert words in admin_browser.post(BULK, data, follow=True).text


def test_the_way_back_keeps_the_filters(admin_browser):
    assert admin_browser.get(BULK, {"filters": "search=anna"}).url == f"{LIST}?search=anna"


def test_a_whole_filter_is_chosen_without_ticking_anybody(admin_browser, account):
    make_operator(account, name="Ivo One")
    make_operator(account, name="Ivo Two")
    make_operator(account, name="Somebody Else")
    data = {"kind": "override-required", "every": "on", "filters": "search=ivo&page=7"}
    page = admin_browser.get(BULK, data).text
    assert "2 operators" in page
    assert "Somebody Else" not in page
    confirm(admin_browser, data)
    assert Operator.objects.filter(two_factor_override="required").count() == 2


def test_operators_of_another_account_cannot_be_chosen(admin_browser, account):
    foreign = make_operator(make_account(name="Other"))
    page = admin_browser.get(BULK, chosen("deactivate", [foreign])).text
    assert "There is nobody to whom this would be done." in page


# What each action does


def test_exceptions_are_made_with_a_reason_and_a_last_day(admin_browser, operator):
    Account.objects.update(two_factor_policy=Policy.REQUIRED)
    data = chosen("override-optional", [operator])
    refused = confirm(admin_browser, data)
    assert "Say why these operators are asked for less" in refused.text
    assert "That day is over." in confirm(admin_browser, data, why="Strike", until="2020-01-01").text
    confirm(admin_browser, data, why="Strike", until=timezone.localdate().isoformat())
    operator.refresh_from_db()
    assert operator.override_reason == "Strike"
    assert operator.override_last_day == timezone.localdate()


def test_an_exception_without_a_last_day_stays(admin_browser, operator):
    Account.objects.update(two_factor_policy=Policy.REQUIRED)
    confirm(admin_browser, chosen("override-disabled", [operator]), why="Strike", until="")
    operator.refresh_from_db()
    assert (operator.two_factor_override, operator.override_until) == ("disabled", None)


def test_an_override_that_has_ended_is_set_anew(admin_browser, operator):
    Account.objects.update(two_factor_policy=Policy.REQUIRED)
    over = timezone.now() - timedelta(days=1)
    Operator.objects.filter(pk=operator.pk).update(two_factor_override="optional", override_until=over)
    confirm(admin_browser, chosen("override-optional", [operator]), why="Strike again", until="")
    operator.refresh_from_db()
    assert (operator.override_reason, operator.override_until) == ("Strike again", None)


def test_exceptions_that_there_are_get_another_reason_and_last_day(admin_browser, admin, operator):
    Account.objects.update(two_factor_policy=Policy.REQUIRED)
    data, day = chosen("override-optional", [operator]), timezone.localdate()
    for reason, until in (("Strike", day), ("Longer strike", day + timedelta(days=9))):
        confirm(admin_browser, data, why=reason, until=until.isoformat())
        operator.refresh_from_db()
        assert (operator.override_reason, operator.override_last_day) == (reason, until)
    before = AuditEntry.objects.filter(action=Action.OVERRIDE).count()
    confirm(admin_browser, data, why=reason, until=until.isoformat())
    assert AuditEntry.objects.filter(action=Action.OVERRIDE).count() == before
    assert BulkItem.objects.latest("pk").reason == Reason.ALREADY


def test_an_override_is_set_and_removed(admin_browser, admin, operator):
    for kind, override in [*[(f"override-{policy}", policy) for policy in Policy], ("no-override", "")]:
        confirm(admin_browser, chosen(kind, [operator, admin]), why="Strike")
        for one in (operator, admin):
            one.refresh_from_db()
            assert one.two_factor_override == override
    assert entries(Action.OVERRIDE).count() == 8


def test_a_reset_needs_a_reason_and_an_identity_check_and_tells_each(admin_browser, account):
    people = [make_operator(account, enrolled=True) for _ in range(2)]
    answer = confirm(admin_browser, chosen("reset", people))
    assert "Type a reason." in answer.text
    assert "Choose how you made sure." in answer.text
    assert Authenticator.objects.count() == 2
    confirm(admin_browser, chosen("reset", people), **RESET)
    assert not Authenticator.objects.exists()
    assert {message.to[0] for message in mail.outbox} == {person.email for person in people}
    assert {entry.new for entry in entries(Action.TWO_FACTOR_RESET)} == {"New phones (in person)"}


def test_setup_links_are_mailed(admin_browser, account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    people = [make_operator(account) for _ in range(2)]
    confirm(admin_browser, chosen("setup-link", people))
    assert len(mail.outbox) == 2
    assert entries(Action.SETUP_LINK_SENT).count() == 2


def test_invitations_are_sent_again(admin_browser, account):
    confirm(admin_browser, chosen("resend", [make_operator(account, "ivo@example.com", invited=True)]))
    assert mail.outbox[0].to == ["ivo@example.com"]


def test_operators_are_deactivated(admin_browser, operator):
    confirm(admin_browser, chosen("deactivate", [operator]))
    operator.refresh_from_db()
    assert not operator.is_active


def test_operators_are_added_to_a_group_that_is_asked_for_first(admin_browser, account, operator):
    group = Group.objects.create(account=account, name="Night shift")
    data = chosen("group", [operator])
    assert "Choose a group" in admin_browser.get(BULK, data).text
    assert "Choose a group." in admin_browser.get(BULK, {**data, "group": "x"}).text
    confirm(admin_browser, {**data, "group": group.pk})
    assert list(operator.groups.all()) == [group]


def test_the_group_of_another_account_cannot_be_chosen(admin_browser, operator):
    foreign = Group.objects.create(account=make_account(name="Other"), name="Theirs")
    page = admin_browser.get(BULK, {**chosen("group", [operator]), "group": foreign.pk}).text
    assert "Choose a group." in page
    assert "Theirs" not in page


# Who is left out


def everybody(account):
    """One operator of each sort."""
    return {
        "plain": make_operator(account),
        "enrolled": make_operator(account, enrolled=True),
        "invited": make_operator(account, invited=True),
        "deactivated": make_operator(account, active=False),
        "single sign-on": make_operator(account, single_sign_on=True),
        "frozen": make_operator(account, frozen_at=timezone.now()),
        "override": make_operator(account, override=Policy.OPTIONAL),
    }


NOT_SET_UP = dict.fromkeys(
    ["plain", "invited", "deactivated", "single sign-on", "frozen", "override", "self"], "not_enrolled"
)
LEFT_OUT = {
    "override-optional": {"single sign-on": "single_sign_on"},
    "no-override": {"single sign-on": "single_sign_on"}
    | dict.fromkeys(["plain", "enrolled", "invited", "deactivated", "frozen", "self"], "already"),
    "reset": NOT_SET_UP | {"self": "yourself"},
    "setup-link": {
        "invited": "invited",
        "deactivated": "deactivated",
        "frozen": "frozen",
        "single sign-on": "single_sign_on",
        "enrolled": "enrolled",
        "override": "not_required",
    },
    "resend": dict.fromkeys(
        ["plain", "enrolled", "deactivated", "single sign-on", "frozen", "override", "self"], "joined"
    ),
    "deactivate": {"invited": "invited", "deactivated": "already", "self": "yourself"},
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_everybody_who_cannot_be_acted_upon_is_left_out_with_the_reason(admin_browser, account, admin, kind):
    account.two_factor_policy = Policy.REQUIRED
    account.save()
    people = {**everybody(account), "self": admin}
    data = chosen(kind, people.values())
    page = admin_browser.get(BULK, data)
    left_out = {part.reason: part.number for part in page.context["found"].left_out}
    reasons = list(LEFT_OUT[kind].values())
    assert left_out == {reason: reasons.count(reason) for reason in reasons}
    confirm(admin_browser, data, **RESET)
    found = outcome(BulkAction.objects.get())
    assert found == {one.pk: LEFT_OUT[kind].get(name, "done") for name, one in people.items()}


def test_nobody_needs_a_setup_link_where_nothing_is_required(admin_browser, account, operator):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    page = admin_browser.get(BULK, chosen("setup-link", [operator]))
    assert [part.reason for part in page.context["found"].left_out] == ["not_required"]


def test_whoever_was_mailed_just_now_is_left_out(admin_browser, account):
    ivo = make_operator(account, invited=True)
    olga = make_operator(account, override=Policy.REQUIRED)
    invite.send(ivo, NOBODY)
    setup_link.send(olga, NOBODY)
    for kind, one in (("resend", ivo), ("setup-link", olga)):
        found = admin_browser.get(BULK, chosen(kind, [one])).context["found"]
        assert [part.reason for part in found.left_out] == ["too_soon"]
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        browser = signed_in(Operator.objects.administrators().get())
        assert browser.get(BULK, chosen("resend", [ivo])).context["found"].acted_upon.number == 1


def test_five_emails_in_an_hour_are_enough(admin, account):
    ivo, start = make_operator(account, invited=True), timezone.now()
    for minute in range(5):
        with time_machine.travel(start + timedelta(seconds=61 * minute)):
            invite.send(ivo, NOBODY)
    with time_machine.travel(start + timedelta(minutes=30)):
        found = signed_in(admin).get(BULK, chosen("resend", [ivo])).context["found"]
    assert [part.reason for part in found.left_out] == ["too_soon"]


def test_the_preview_shows_the_first_names_how_many_more_and_that_you_are_among_them(
    admin_browser, admin, account
):
    people = [make_operator(account, name=f"Person {number}") for number in range(6)]
    page = admin_browser.get(BULK, chosen("override-required", [*people, admin])).text
    assert "7 operators" in page
    assert "and 2 more" in page
    assert "You are one of them." in page


# The confirmation


def test_nothing_happens_before_the_confirmation(admin_browser, operator):
    admin_browser.get(BULK, chosen("deactivate", [operator]))
    operator.refresh_from_db()
    assert operator.is_active
    assert not BulkAction.objects.exists()


def test_the_confirmation_takes_a_fresh_proof_and_goes_on_with_what_was_chosen(admin, operator):
    browser = signed_in(admin)
    data = chosen("deactivate", [operator])
    fields = fields_of(browser.get(BULK, data).text)
    session = browser.session
    del session[SESSION_KEY]
    session.save()
    assert "proof_password" in browser.post(BULK, {**data, **fields}).text
    assert not BulkAction.objects.exists()
    proof = {"proof_for": "POST", "proof_password": PASSWORD}
    browser.post(BULK, {**data, **fields, **proof})
    assert BulkAction.objects.get().state == "done"


def test_a_form_that_is_confirmed_twice_is_one_action(admin_browser, operator):
    data = chosen("deactivate", [operator])
    data |= fields_of(admin_browser.get(BULK, data).text)
    first, second = (admin_browser.post(BULK, data).url for _ in range(2))
    assert first == second
    assert BulkAction.objects.count() == 1


def test_where_the_numbers_have_changed_the_new_preview_is_shown(admin_browser, account, operator):
    other = make_operator(account)
    data = chosen("deactivate", [operator, other])
    fields = fields_of(admin_browser.get(BULK, data).text)
    removal.deactivate(other, NOBODY)
    page = admin_browser.post(BULK, {**data, **fields}).text
    assert "Something has changed in the meantime." in page
    assert "1 operator<" in page
    assert not BulkAction.objects.exists()
    operator.refresh_from_db()
    assert operator.is_active


def seen_then_confirmed(browser, data, meanwhile, **typed):
    """Return the answer to a confirmation of what was shown before something happened."""
    fields = {field.name: field.value() for field in browser.get(BULK, data).context["hidden"]}
    meanwhile()
    return browser.post(BULK, {**data, **fields, **typed})


def one_comes_and_one_goes(account, operator):
    """Return two, of whom one can be deactivated, and what makes it the other one."""
    other = make_operator(account, "paul@example.com", name="Paul", active=False)

    def meanwhile():
        removal.deactivate(operator, NOBODY)
        removal.activate(other, NOBODY)

    return other, meanwhile


@pytest.mark.parametrize("every", [True, False])
def test_as_many_others_are_not_the_same_and_the_preview_says_who(admin_browser, account, operator, every):
    other, meanwhile = one_comes_and_one_goes(account, operator)
    data = {"kind": "deactivate", "every": "on"} if every else chosen("deactivate", [operator, other])
    page = seen_then_confirmed(admin_browser, data, meanwhile).text
    assert "Nothing is done yet." in page
    assert "New: Paul (paul@example.com)." in page
    assert "No longer among them: Olga Operator (olga@example.com)." in page
    assert not BulkAction.objects.exists()
    other.refresh_from_db()
    assert other.is_active


def test_of_many_it_is_said_how_many_or_that_they_are_others(admin_browser, account, operator, monkeypatch):
    monkeypatch.setattr(preview, "NAMED", 0)
    other, meanwhile = one_comes_and_one_goes(account, operator)
    data = chosen("deactivate", [operator, other])
    page = seen_then_confirmed(admin_browser, data, meanwhile).text
    assert "Operators: 1 as before, but not the same ones." in page
    page = seen_then_confirmed(admin_browser, data, lambda: removal.activate(operator, NOBODY)).text
    assert "Operators: 1 before, 2 now." in page
    assert not BulkAction.objects.exists()


def test_who_is_deleted_by_now_is_counted(admin_browser, account, operator):
    gone = make_operator(account)
    data = chosen("deactivate", [operator, gone])
    page = seen_then_confirmed(admin_browser, data, lambda: removal.delete(gone, NOBODY)).text
    assert "No longer among them: 1 operator who is deleted." in page


def test_where_the_setting_is_another_one_the_new_preview_is_shown(admin_browser, account, operator):
    data = chosen("override-required", [operator])
    page = seen_then_confirmed(
        admin_browser, data, lambda: Account.objects.update(two_factor_policy=Policy.DISABLED)
    ).text
    assert "Something has changed in the meantime." in page
    assert "Nothing changes for them while" in page
    assert not BulkAction.objects.exists()


def test_what_changed_is_said_also_where_a_field_is_wrong(admin_browser, account, operator):
    other = make_operator(account, "paul@example.com", name="Paul", enrolled=True)
    enroll(operator)
    data = chosen("reset", [operator, other])
    page = seen_then_confirmed(admin_browser, data, lambda: reset(other, NOBODY), why="").text
    assert "No longer among them: Paul (paul@example.com)." in page
    assert "has-error" in page


def test_what_is_nobody_s_here_is_not_named(admin_browser, account, operator):
    stranger = make_operator(make_account(name="Other"), "stranger@example.com")
    other, meanwhile = one_comes_and_one_goes(account, operator)
    data = chosen("deactivate", [operator, other])
    page = seen_then_confirmed(admin_browser, data, meanwhile, who=f"{stranger.pk},x").text
    assert "stranger@example.com" not in page


@pytest.mark.parametrize(
    "fields", [{}, {"key": "x", "counted": "y"}, {"counted": "9" * 40}, {"who": "9" * 9000}]
)
def test_a_form_without_its_hidden_parts_shows_the_preview_again(admin_browser, operator, fields):
    answer = admin_browser.post(BULK, {**chosen("deactivate", [operator]), **fields})
    assert answer.status_code == 200
    assert not BulkAction.objects.exists()


def test_start_and_end_are_in_the_audit_log(admin_browser, admin, operator):
    confirm(admin_browser, chosen("deactivate", [operator]))
    assert entries(Action.BULK_STARTED).get().new == "Deactivate (1)"
    assert entries(Action.BULK_ENDED).get().new == "Deactivate (1): Done"
    assert entries(Action.DEACTIVATED).get().actor_id == admin.pk


# The work


def test_more_than_a_few_are_left_to_the_worker_batch_by_batch(queue, admin_browser, many):
    answer = confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    assert action.is_running
    assert "5 operators are waiting." in admin_browser.get(answer.url).text
    for done in (2, 4, 5):
        task = DBTaskResult.objects.latest("enqueued_at")
        work.continue_round.func(*task.args_kwargs["args"])
        assert action.items.filter(state="done").count() == done
    action.refresh_from_db()
    assert action.state == "done"


def test_without_a_queue_all_is_done_at_once(admin_browser, many):
    confirm(admin_browser, chosen("override-required", many))
    assert BulkAction.objects.get().state == "done"
    assert Operator.objects.filter(two_factor_override="required").count() == 5


def test_what_takes_too_long_for_a_page_is_left_to_the_worker(queue, admin_browser, many, monkeypatch):
    monkeypatch.setattr(work, "AT_ONCE", 100)
    monkeypatch.setattr(work, "PATIENCE", -1)
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    assert action.items.filter(state="done").count() == 2
    assert DBTaskResult.objects.get().args_kwargs["args"] == [action.pk, action.turn]


def test_a_task_whose_turn_is_over_does_nothing(queue, admin_browser, many):
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    for _ in range(3):
        work.continue_round.func(action.pk, 0)
    assert action.items.filter(state="done").count() == 2


def test_an_action_whose_worker_died_is_gone_on_with_and_does_nothing_twice(
    queue, admin_browser, many, monkeypatch
):
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    real, calls = acts.set_override, iter(range(10))

    def dies(*args, **kwargs):
        changed = real(*args, **kwargs)
        if next(calls) == 1:
            raise OperationalError
        return changed

    monkeypatch.setattr(acts, "set_override", dies)
    with pytest.raises(OperationalError):
        work.continue_round.func(action.pk, 0)
    # The batch is undone, with the one before.
    assert set(action.items.values_list("state", flat=True)) == {"waiting"}
    assert not entries(Action.OVERRIDE).exists()
    work.requeue()
    assert DBTaskResult.objects.count() == 1
    with time_machine.travel(timezone.now() + HEARTBEAT_TIMEOUT + timedelta(seconds=1)):
        work.requeue()
        work.requeue()
        assert DBTaskResult.objects.count() == 2
        action.refresh_from_db()
        work.run_batches(action.pk, action.turn)
    assert action.items.filter(state="done").count() == 5
    assert entries(Action.OVERRIDE).count() == 5


def test_cancelling_leaves_the_rest_undone(queue, admin_browser, many):
    url = confirm(admin_browser, chosen("override-required", many)).url
    action = BulkAction.objects.get()
    work.continue_round.func(action.pk, 0)
    cancel = reverse("operators:bulk-cancel", args=[action.pk])
    assert "Cancelled." in admin_browser.post(cancel, follow=True).text
    assert "It had ended already." in admin_browser.post(cancel, follow=True).text
    work.run_batches(action.pk, 1)
    assert action.items.filter(state="done").count() == 2
    page = admin_browser.get(url).text
    assert f"{len(many) - 2} were not reached." in page
    assert "It was not this operator&#x27;s turn yet" in page


def test_a_batch_of_a_cancelled_action_cannot_be_claimed(queue, admin_browser, many):
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    work.cancel(action, NOBODY)
    assert BulkAction.claim(action.pk, action.turn) is None
    work.run_batches(action.pk, action.turn)
    assert set(action.items.values_list("state", flat=True)) == {"waiting"}


def test_a_turn_that_another_worker_takes_meanwhile_cannot_be_claimed(
    queue, admin_browser, many, monkeypatch
):
    confirm(admin_browser, chosen("override-required", many))
    action, hold = BulkAction.objects.get(), Account.hold

    def hold_late(pk):
        BulkAction.objects.filter(pk=action.pk).update(turn=action.turn + 1)
        return hold(pk)

    monkeypatch.setattr(Account, "hold", hold_late)
    assert BulkAction.claim(action.pk, action.turn) is None
    assert set(action.items.values_list("state", flat=True)) == {"waiting"}


def test_a_batch_in_which_it_is_cancelled_is_the_last(queue, admin_browser, many, monkeypatch):
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    monkeypatch.setattr(work, "apply_to_one", lambda *_: work.cancel(BulkAction.objects.get(), NOBODY) and "")
    work.run_batches(action.pk, 0)
    action.refresh_from_db()
    assert action.state == "cancelled"


def test_an_action_that_has_ended_does_not_end_again(queue, admin_browser, many, monkeypatch):
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    monkeypatch.setattr(work, "BATCH", 10)
    monkeypatch.setattr(work, "apply_to_one", lambda *_: work.cancel(action, NOBODY) and "")
    work.run_batches(action.pk, 0)
    assert not entries(Action.BULK_ENDED).exists()


@pytest.mark.parametrize("fields", [{"is_active": False}, {"frozen_at": timezone.now()}, {}])
def test_the_action_of_somebody_who_administers_no_more_stops(queue, admin_browser, admin, many, fields):
    confirm(admin_browser, chosen("override-required", many))
    if fields:
        Operator.objects.filter(pk=admin.pk).update(**fields)
    else:
        admin.memberships.all().delete()
    action = BulkAction.objects.get()
    work.run_batches(action.pk, 0)
    other = signed_in(make_operator(admin.account, administrator=True))
    assert "It has stopped" in other.get(reverse("operators:bulk-action", args=[action.pk])).text
    assert not Operator.objects.filter(two_factor_override="required").exists()


def test_what_is_done_while_who_asked_loses_the_right_is_undone(
    queue, admin_browser, admin, many, monkeypatch
):
    confirm(admin_browser, chosen("override-required", many))
    action, real = BulkAction.objects.get(), work.apply_to_one

    def meanwhile(*args):
        Operator.objects.filter(pk=admin.pk).update(frozen_at=timezone.now())
        return real(*args)

    work.continue_round.func(action.pk, 0)
    with monkeypatch.context() as patch:
        patch.setattr(work, "apply_to_one", meanwhile)
        work.continue_round.func(action.pk, 1)
    # As it was undone with the rest: it has happened for good elsewhere.
    Operator.objects.filter(pk=admin.pk).update(frozen_at=timezone.now())
    work.run_batches(action.pk, 1)
    action.refresh_from_db()
    assert action.state == "stopped"
    assert action.items.filter(state="done").count() == entries(Action.OVERRIDE).count() == 2


def delete_one(people):
    removal.delete(people[0], NOBODY)


def change_one(people):
    Operator.objects.filter(pk=people[0].pk).update(two_factor_override="required")


@pytest.mark.parametrize(("happens", "reason"), [(delete_one, "gone"), (change_one, "already")])
def test_what_changes_while_an_operator_waits_leaves_them_out(queue, admin_browser, many, happens, reason):
    confirm(admin_browser, chosen("override-required", many))
    first = many[0].pk
    happens(many)
    action = BulkAction.objects.get()
    work.run_batches(action.pk, 0)
    assert outcome(action)[first] == reason
    assert list(outcome(action).values()).count("done") == 4


def test_a_group_that_was_deleted_meanwhile_leaves_everybody_out(queue, admin_browser, account, many):
    group = Group.objects.create(account=account, name="Night shift")
    confirm(admin_browser, {**chosen("group", many), "group": group.pk})
    group.delete()
    action = BulkAction.objects.get()
    work.run_batches(action.pk, 0)
    assert set(outcome(action).values()) == {"group_gone"}


def raises(error):
    def function(*_arguments, **_options):
        raise error

    return function


@pytest.mark.parametrize(
    ("kind", "refusal", "reason"),
    [
        ("deactivate", {"removal.deactivate": raises(acts.LastAdministratorError)}, "last_administrator"),
        ("deactivate", {"removal.deactivate": lambda *_: False}, "already"),
        ("deactivate", {"removal.deactivate": raises(ValueError)}, "failed"),
        ("setup-link", {"emails.setup_link": raises(TooSoonError(30))}, "too_soon"),
    ],
)
def test_what_the_single_act_refuses_is_left_out(admin, monkeypatch, kind, refusal, reason):
    one = make_operator(admin.account, override=Policy.REQUIRED)
    for name, function in refusal.items():
        monkeypatch.setattr(f"operators.bulk.acts.{name}", function)
    confirm(signed_in(admin), chosen(kind, [one]))
    assert outcome(BulkAction.objects.get()) == {one.pk: reason}


def test_a_mailbox_that_has_had_as_many_invitations_as_it_may_is_left_out(
    admin_browser, account, monkeypatch
):
    one = make_operator(account, invited=True)
    monkeypatch.setattr(invite, "send", raises(TooManyMailsError(60)))
    confirm(admin_browser, chosen("resend", [one]))
    assert outcome(BulkAction.objects.get()) == {one.pk: "too_soon"}
    assert entries(Action.LIMIT_REACHED).get().subject_id == one.pk  # although the act is undone


def test_a_failure_undoes_the_rest_of_that_operator_and_not_the_others(admin_browser, account, monkeypatch):
    people = [make_operator(account, enrolled=True) for _ in range(3)]
    real = acts.reset

    def fails_for_the_second(operator, *args):
        real(operator, *args)
        if operator.pk == people[1].pk:
            raise ValueError

    monkeypatch.setattr(acts, "reset", fails_for_the_second)
    confirm(admin_browser, chosen("reset", people), **RESET)
    assert [one.user_id for one in Authenticator.objects.all()] == [people[1].pk]
    assert entries(Action.TWO_FACTOR_RESET).count() == 2
    assert len(mail.outbox) == 2


# The pages


def test_the_page_looks_again_only_for_something_new(queue, admin_browser, many):
    url = confirm(admin_browser, chosen("override-required", many)).url
    seen = found_in(admin_browser.get(url).text, r"\?seen=([^\"]+)")
    assert admin_browser.get(f"{url}?seen={seen}").status_code == 204
    work.continue_round.func(BulkAction.objects.get().pk, 0)
    assert admin_browser.get(f"{url}?seen={seen}").status_code == 200


def test_the_page_says_where_no_worker_has_taken_it_up(queue, admin_browser, many):
    url = confirm(admin_browser, chosen("override-required", many)).url
    page = admin_browser.get(url).text
    assert "the work goes on, and" in page
    seen = found_in(page, r"\?seen=([^\"]+)")
    BulkAction.objects.update(alive_at=timezone.now() - 2 * HEARTBEAT_TIMEOUT)
    page = admin_browser.get(f"{url}?seen={seen}").text
    assert "the worker does not seem to run" in page
    assert "the work goes on, and" not in page
    work.requeue()
    assert "the worker does not seem to run" not in admin_browser.get(url).text


def test_the_result_lists_what_was_not_done_and_all_of_it_on_request(admin_browser, admin, operator):
    url = confirm(admin_browser, chosen("deactivate", [operator, admin])).url
    page = admin_browser.get(url).text
    assert "This is you: do it on your own page" in page
    assert operator.email not in page
    assert operator.email in admin_browser.get(f"{url}?show=all").text


def test_what_was_not_done_is_downloaded_safe_for_spreadsheets(admin_browser, account, operator):
    make_operator(account, "evil@example.com", name="=1+1", active=False)
    confirm(admin_browser, {"kind": "deactivate", "every": "on"})
    answer = admin_browser.post(reverse("operators:bulk-export", args=[BulkAction.objects.get().pk]))
    text = answer.getvalue().decode("utf-8-sig")
    assert '"\'=1+1","evil@example.com","That is so already"' in text
    assert operator.email not in text
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.new) == (Action.EVIDENCE_EXPORTED, "Not done: Deactivate; 2 rows")


def test_the_actions_of_the_account_are_listed_and_no_others(admin_browser, operator):
    page = reverse("operators:bulk-actions")
    assert "What you do to several operators" in admin_browser.get(page).text
    confirm(admin_browser, chosen("deactivate", [operator]))
    assert "Deactivate</a>" in admin_browser.get(page).text
    stranger = make_operator(make_account(name="Other"), administrator=True)
    assert "Deactivate</a>" not in signed_in(stranger).get(page).text


def test_the_list_of_actions_says_how_far_each_is_in_one_query(queue, admin_browser, admin, operator, many):
    page = reverse("operators:bulk-actions")
    confirm(admin_browser, chosen("deactivate", [operator, admin]))
    before = queries(partial(admin_browser.get, page))
    confirm(admin_browser, chosen("override-required", many))
    assert queries(partial(admin_browser.get, page)) == before
    found = admin_browser.get(page).text
    assert [found_in(part, r'"Done">([^<]+)<') for part in found.split("<tr>")[2:]] == ["0 of 5", "1 of 2"]


def test_old_actions_are_forgotten_and_running_ones_never(queue, admin_browser, operator, many):
    confirm(admin_browser, chosen("deactivate", [operator]))
    confirm(admin_browser, chosen("override-required", many))
    for days, left in ((29, 2), (31, 1)):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            work.forget_old()
        assert BulkAction.objects.count() == left
    assert {item.action_id for item in BulkItem.objects.all()} == {BulkAction.objects.get().pk}


def test_words_name_the_rows():
    assert str(BulkAction(kind="reset", state="done")) == "reset, done"
    assert str(BulkItem(email="ivo@example.com", state="done")) == "ivo@example.com, done"


# What it costs


def queries(function):
    with CaptureQueriesContext(connection) as context:
        function()
    return len(context)


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_takes_the_same_queries_for_any_number(admin_browser, account, kind):
    data = {"kind": kind, "every": "on"}
    everybody(account)
    before = queries(partial(admin_browser.get, BULK, data))
    for _ in range(5):
        everybody(account)
    assert queries(partial(admin_browser.get, BULK, data)) == before
    assert before <= 14


def test_choosing_and_the_pages_take_the_same_queries_for_any_number(queue, admin, account, monkeypatch):
    monkeypatch.setattr(work, "AT_ONCE", 0)
    browser = signed_in(admin)
    found = []
    for _ in range(2):
        for _ in range(15):
            make_operator(account)
        data = {"kind": "override-required", "every": "on"}
        data |= fields_of(browser.get(BULK, data).text)
        start = queries(partial(browser.post, BULK, data))
        url = reverse("operators:bulk-action", args=[BulkAction.objects.latest("pk").pk])
        found.append((start, queries(partial(browser.get, url)), queries(partial(browser.get, LIST))))
    assert found[0] == found[1]


def test_each_operator_takes_a_bounded_number_of_queries(queue, admin_browser, many):
    confirm(admin_browser, chosen("override-required", many))
    action = BulkAction.objects.get()
    assert queries(partial(work.continue_round.func, action.pk, 0)) <= 2 * 10 + 12


def test_an_enrolled_operator_whose_secret_cannot_be_read_keeps_it(admin_browser, operator):
    authenticator = enroll(operator)
    Authenticator.objects.filter(pk=authenticator.pk).update(sealed_secret="damaged")
    confirm(admin_browser, chosen("reset", [operator]), **RESET)
    assert outcome(BulkAction.objects.get()) == {operator.pk: "failed"}
    assert Authenticator.objects.exists()
