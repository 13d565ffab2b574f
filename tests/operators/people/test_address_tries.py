"""Whether another account has an address is revealed by the confirmed act only, counted, and recorded."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from operators.models import Operator
from operators.models.bulk import BulkItem
from operators.people import address_tries
from tests.support.factories import NOBODY, make_account, make_operator, signed_in
from tests.support.invite_many import CHECK, confirm


@pytest.fixture
def few(monkeypatch):
    """Allow only two such addresses a day."""
    monkeypatch.setattr(address_tries, "MOST", 2)


@pytest.fixture
def others(db):
    """People of another account."""
    other = make_account(name="Other")
    return [make_operator(other, f"else{number}@example.com").email for number in range(4)]


def invite(browser, email):
    return browser.post(reverse("operators:invite"), {"name": "Ivo", "email": email})


def entries(action) -> list[str]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk").values_list("new", flat=True))


def test_an_address_of_another_account_is_refused_at_the_act_and_recorded(admin_browser, admin, others):
    answer = invite(admin_browser, others[0])
    assert answer.context["form"].errors["email"] == ["That address cannot be invited."]
    [entry] = AuditEntry.objects.filter(action=Action.ADDRESS_ELSEWHERE)
    assert (entry.account_id, entry.actor_id, entry.new) == (admin.account_id, admin.pk, others[0])


def test_after_some_no_address_is_tried_that_day(admin_browser, admin, few, others):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for email in others[:2]:
            assert "cannot be invited" in invite(admin_browser, email).text
        for email in (others[2], "free@example.com"):
            answer = invite(admin_browser, email)
            [error] = answer.context["form"].errors["email"]
            assert error.startswith("Too many addresses could not be invited.")
            assert error.endswith("You can add operators again in 24 hours.")
        assert entries(Action.ADDRESS_ELSEWHERE) == others[:2]
        assert entries(Action.LIMIT_REACHED) == ["Addresses that cannot be invited"]
        assert mail.outbox == []
        assert not Operator.objects.filter(email="free@example.com").exists()
        clock.shift(timedelta(days=1))
        assert invite(signed_in(admin), "free@example.com").status_code == 302


def test_what_tells_nothing_of_others_is_not_counted(admin_browser, few, operator):
    for number in range(4):
        assert invite(admin_browser, f"free{number}@example.com").status_code == 302
    assert "already" in invite(admin_browser, operator.email).text
    assert entries(Action.ADDRESS_ELSEWHERE) == []


def test_an_operator_set_up_by_hand_is_counted_alike(admin_browser, few, others):
    new = "a fine long password"
    data = {"name": "Mia", "new_password": new, "new_password_again": new}
    pages = [admin_browser.post(reverse("operators:create"), {**data, "email": one}).text for one in others]
    assert ["Too many addresses could not be invited" in page for page in pages] == [False, False, True, True]


def test_the_check_of_a_table_says_nothing_of_them(admin_browser, others):
    page = admin_browser.post(CHECK, {"text": f"Eve,{others[0]}\nIvo,ivo@example.com"})
    assert (page.context["good"], page.context["bad"]) == (2, 0)
    assert entries(Action.ADDRESS_ELSEWHERE) == []


def test_the_confirmed_table_says_it_of_some(admin_browser, few, others):
    text = "\n".join(f"Eve,{email}" for email in others) + "\nIvo,ivo@example.com"
    confirm(admin_browser, text)
    reasons = dict(BulkItem.objects.values_list("email", "reason"))
    assert reasons == {
        others[0]: "unavailable",
        others[1]: "unavailable",
        others[2]: "too_many",
        others[3]: "too_many",
        "ivo@example.com": "too_many",
    }
    assert entries(Action.ADDRESS_ELSEWHERE) == others[:2]
    assert entries(Action.LIMIT_REACHED) == ["Addresses that cannot be invited"]
    assert mail.outbox == []


def test_a_table_whose_people_are_free_is_not_held_up(admin_browser, few):
    confirm(admin_browser, "\n".join(f"Ivo,ivo{number}@example.com" for number in range(5)))
    assert set(BulkItem.objects.values_list("reason", flat=True)) == {""}
    assert len(mail.outbox) == 5


def test_the_command_line_has_no_trail_of_its_own(account, few, others):
    for email in others[:3]:
        with pytest.raises(address_tries.REFUSALS), address_tries.count_attempt(account, NOBODY):
            raise address_tries.ElsewhereError(email)
    assert entries(Action.LIMIT_REACHED) == []
