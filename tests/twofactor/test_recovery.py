"""Recovery codes: shown once to their owner, each good for one sign-in, renewed on request."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Operator
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    SECRET,
    code_for,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on, link_in_mail, log_in
from twofactor import codes, enrollment, fresh_codes, proof, recovery
from twofactor.models import Authenticator

VERIFY = reverse("twofactor:verify")
RECOVER = reverse("twofactor:recover")
CODES = reverse("twofactor:recovery-codes")
REMINDER = reverse("twofactor:recovery-reminder")
RENEW = reverse("twofactor:recovery-codes-new")
DOWNLOAD = reverse("twofactor:recovery-codes-download")
NEW_PHONE = reverse("twofactor:new-phone")


@pytest.fixture
def olga(account):
    return make_operator(account, "olga@example.com", enrolled=True)


@pytest.fixture
def waiting(olga):
    browser = Client()
    log_in(browser, olga)
    return browser


def codes_on(page) -> list[str]:
    return list(page.context["codes"])


def enrolled_by_popup(operator) -> Client:
    browser = signed_in(operator)
    scan = reverse("operators:scan", args=[operator.pk])
    browser.post(scan, {"code": code_for(key_on(browser.get(scan).text))})
    return browser


def test_codes_are_ten_of_80_bits_and_all_different():
    codes = recovery.generate()
    assert len(set(codes)) == 10
    assert all(len(recovery.normalize(code)) * 5 == 80 for code in codes)
    assert all(recovery.is_code(recovery.normalize(code)) for code in codes)


def test_only_keyed_hashes_are_stored(operator):
    page = enrolled_by_popup(operator).get(CODES)
    stored = Authenticator.objects.get().recovery_hashes
    codes = codes_on(page)
    assert len(codes) == len(stored.split()) == 10
    assert not any(code in stored or recovery.normalize(code) in stored for code in codes)
    assert recovery.hashes_of(codes, SECRET) != stored


@pytest.mark.parametrize("typed", ["{}", "{} ", " {}"])
@pytest.mark.parametrize(
    "change", [str, str.lower, lambda code: code.replace("-", " ")], ids=["as shown", "small", "spaces"]
)
def test_a_recovery_code_signs_in_however_it_is_typed(waiting, olga, typed, change):
    answer = waiting.post(RECOVER, {"code": typed.format(change(RECOVERY_CODES[0]))})
    assert answer.url == olga.get_absolute_url()
    assert waiting.get(answer.url).status_code == 200


def test_digits_that_look_like_letters_are_taken_for_them():
    assert recovery.normalize("0o18") == "OOIB"


def test_each_recovery_code_works_once(waiting, olga):
    waiting.post(RECOVER, {"code": RECOVERY_CODES[0]})
    other = Client()
    log_in(other, olga)
    assert "used before" in other.post(RECOVER, {"code": RECOVERY_CODES[0]}).text
    assert other.post(RECOVER, {"code": RECOVERY_CODES[1]}).status_code == 302


def test_its_use_is_mailed_and_recorded(waiting, olga):
    waiting.post(RECOVER, {"code": RECOVERY_CODES[0]})
    assert mail.outbox[-1].to == [olga.email]
    assert "9 recovery codes are left" in mail.outbox[-1].body
    assert "127.0.0.1" in mail.outbox[-1].body
    assert AuditEntry.objects.filter(action=Action.RECOVERY_CODE_USED, new="9").exists()


@pytest.mark.parametrize("code", ["", "123456", "AAAA-BBBB", "A" * 33, "AAAA-BBBB-CCCC-DDD!", "A\0" * 8])
def test_what_is_no_recovery_code_gets_a_message(waiting, code):
    answer = waiting.post(RECOVER, {"code": code})
    assert answer.status_code == 200
    assert "has-error" in answer.text
    if "\0" not in code:
        assert "Type one of your recovery codes" in answer.text
    assert Operator.objects.get().code_failures == 0


def test_wrong_recovery_codes_count_like_wrong_codes(waiting, olga):
    for _ in range(4):
        assert waiting.post(RECOVER, {"code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"}).status_code == 200
    assert waiting.post(RECOVER, {"code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"}).url == reverse("operators:login")
    assert Operator.objects.get(pk=olga.pk).code_failures == 5


def test_a_wait_holds_for_recovery_codes_too(waiting):
    Operator.objects.update(codes_blocked_until=timezone.now() + timedelta(minutes=5), code_failures=14)
    assert "Try again in 5 minutes" in waiting.post(RECOVER, {"code": RECOVERY_CODES[0]}).text


def test_a_reload_shows_the_codes_again_until_they_are_saved(operator):
    browser = enrolled_by_popup(operator)
    codes = codes_on(browser.get(CODES))
    assert codes_on(browser.get(CODES)) == codes
    assert "Save the codes first" in browser.post(CODES, {}).text
    assert browser.post(CODES, {"saved": "on"}).url == operator.get_absolute_url()
    page = browser.get(CODES)
    assert codes_on(page) == []
    assert "10 recovery codes left" in page.text
    assert f'href="{operator.get_absolute_url()}">Back to My settings' in page.text
    assert browser.post(DOWNLOAD).url == CODES


def test_the_codes_are_gone_after_a_quarter_of_an_hour(operator):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        browser = enrolled_by_popup(operator)
    for seconds, number in ((15 * 60 - 1, 10), (15 * 60, 0)):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            assert len(codes_on(browser.get(CODES))) == number


def test_only_the_codes_of_whoever_has_saved_them_count_as_saved(account, operator):
    other = make_operator(account)
    enrolled_by_popup(other)
    browser = enrolled_by_popup(operator)
    browser.post(CODES, {"saved": "on"})
    assert Authenticator.objects.get(user=operator).recovery_saved_at
    assert Authenticator.objects.get(user=other).recovery_saved_at is None


def test_from_new_codes_one_goes_where_one_wanted(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    browser = Client()
    wanted = olga.get_absolute_url() + "activity/"
    log_in(browser, olga, next=wanted)
    secret = key_on(browser.get(link_in_mail(), follow=True).text)
    browser.post(reverse("invitations:setup"), {"code": code_for(secret)})
    assert browser.post(CODES, {"saved": "on"}).url == wanted


def test_the_codes_can_be_downloaded(operator):
    browser = enrolled_by_popup(operator)
    answer = browser.post(DOWNLOAD)
    assert answer["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    title = f"Recovery codes of {operator.email} for Uptrends. Each works once."
    assert answer.content.decode() == "\r\n".join([title, "", *codes_on(browser.get(CODES)), ""])
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.subject_id) == (Action.RECOVERY_CODES_DOWNLOADED, operator.pk)


def test_from_codes_that_nobody_waited_for_one_goes_home(olga):
    browser = signed_in(olga)
    assert browser.post(CODES, {"saved": "on"}).url == olga.landing_url()
    browser.post(RENEW)
    assert browser.post(CODES, {"saved": "on"}).url == olga.landing_url()


def test_whoever_has_just_scanned_needs_no_other_proof(operator):
    browser = Client()
    browser.force_login(operator)
    session = browser.session
    proof.remember(session, with_code=False)
    session.save()
    scan = reverse("operators:scan", args=[operator.pk])
    browser.post(scan, {"code": code_for(key_on(browser.get(scan).text))})
    assert browser.post(RENEW).url == CODES


def test_the_session_does_not_hold_them_in_the_clear(operator):
    browser = enrolled_by_popup(operator)
    codes = codes_on(browser.get(CODES))
    kept = str(dict(browser.session.items()))
    assert len(codes) == 10
    assert not any(code in kept for code in codes)


def test_whoever_leaves_before_saving_is_enrolled_and_reminded(operator):
    browser = enrolled_by_popup(operator)
    secret = Authenticator.objects.get().secret
    again = Client()
    log_in(again, operator, next=operator.get_absolute_url() + "activity/")
    answer = again.post(VERIFY, {"code": code_for(secret, 1)})
    assert answer.url == REMINDER
    page = again.get(REMINDER)
    assert "not saved any recovery codes" in page.text
    assert f'href="{operator.get_absolute_url()}activity/"' in page.text
    assert again.post(RENEW).url == CODES
    assert codes_on(again.get(CODES))
    # The codes that the other browser still shows are worth nothing: its session has ended with them.
    assert browser.get(CODES).status_code == 302
    assert again.post(CODES, {"saved": "on"}).url == operator.get_absolute_url() + "activity/"
    # Ticked: from now on a sign-in leads on at once.
    Operator.objects.update(last_code_step=0)
    log_in(later := Client(), operator)
    assert later.post(VERIFY, {"code": code_for(secret, 1)}).url == operator.get_absolute_url()


def test_few_codes_are_said_at_the_sign_in(olga):
    hashes = recovery.hashes_of(RECOVERY_CODES[:4], SECRET)
    Authenticator.objects.update(recovery_hashes=hashes)
    browser = Client()
    log_in(browser, olga)
    assert browser.post(RECOVER, {"code": RECOVERY_CODES[0]}).url == REMINDER
    assert "3 recovery codes left" in browser.get(REMINDER).text
    Authenticator.objects.update(recovery_hashes="")
    assert "used all" in browser.get(REMINDER).text


def test_new_codes_kill_the_old_and_are_mailed(olga):
    browser = signed_in(olga)
    assert browser.post(RENEW).url == CODES
    codes = codes_on(browser.get(CODES))
    assert "new recovery codes" in mail.outbox[-1].subject
    assert AuditEntry.objects.get(action=Action.RECOVERY_CODES_RENEWED).subject_id == olga.pk
    assert Authenticator.objects.get().recovery_saved_at is None
    other = Client()
    log_in(other, olga)
    assert "not right" in other.post(RECOVER, {"code": RECOVERY_CODES[0]}).text
    assert other.post(RECOVER, {"code": codes[0]}).status_code == 302


def test_an_administrator_who_scans_for_somebody_gets_no_codes_and_that_person_is_offered_some(
    admin_browser, operator
):
    scan = reverse("operators:scan", args=[operator.pk])
    secret = key_on(admin_browser.get(scan).text)
    answer = admin_browser.post(scan, {"code": code_for(secret)})
    assert answer.url == operator.get_absolute_url()
    assert "recovery codes" not in admin_browser.get(answer.url).text
    browser = Client()
    log_in(browser, operator)
    assert browser.post(VERIFY, {"code": code_for(secret, 1)}).url == REMINDER


def test_a_setup_link_ends_with_recovery_codes(db):
    olga = make_operator(make_account(Policy.REQUIRED))
    browser = Client()
    log_in(browser, olga)
    secret = key_on(browser.get(link_in_mail(), follow=True).text)
    answer = browser.post(reverse("invitations:setup"), {"code": code_for(secret)})
    assert answer.url == CODES
    assert len(codes_on(browser.get(CODES))) == 10
    assert "is set up" in mail.outbox[-1].subject


def test_without_an_authenticator_there_is_nothing_to_recover(operator, operator_browser):
    answer = operator_browser.get(CODES)
    assert answer.url == operator.get_absolute_url()
    assert "Recovery codes come with two-factor authentication." in operator_browser.get(answer.url).text
    assert operator_browser.get(REMINDER).url == operator.landing_url()
    answer = operator_browser.post(RENEW)
    assert answer.url == operator.get_absolute_url()
    assert "Nothing changed: your authenticator or its codes" in operator_browser.get(answer.url).text
    assert operator_browser.post(DOWNLOAD).url == CODES
    assert operator_browser.get(NEW_PHONE).url == operator.get_absolute_url()


def test_of_two_that_spend_codes_at_once_both_get_theirs_and_none_twice(olga):
    late = make_operator(olga.account, enrolled=True)
    first, second = (Authenticator.objects.get(user=late) for _ in range(2))
    codes = [recovery.normalize(code) for code in RECOVERY_CODES]
    assert first.spend_recovery_code(codes[0])
    assert second.spend_recovery_code(codes[1])
    assert not first.spend_recovery_code(codes[1])
    left = [Authenticator.objects.get(user=who).recovery_codes_left for who in (late, olga)]
    assert left == [8, 10]


def test_codes_of_a_reset_authenticator_are_not_renewed(olga):
    session = signed_in(olga).session
    Authenticator.objects.all().delete()
    assert not fresh_codes.renew(session, olga, NOBODY)


@pytest.mark.parametrize("change", [{"sealed_secret": "another"}, {"recovery_hashes": "others"}])
def test_codes_are_not_renewed_where_the_app_or_the_codes_are_others_by_now(olga, change):
    session = signed_in(olga).session
    Authenticator.objects.update(**change)
    assert not fresh_codes.renew(session, olga, NOBODY)
    assert Authenticator.objects.filter(**change).exists()


# A new phone


def test_the_old_phone_stays_right_until_the_new_ones_first_code(olga):
    browser = signed_in(olga)
    secret = key_on(browser.get(NEW_PHONE).text)
    assert secret != SECRET
    assert "not right" in browser.post(NEW_PHONE, {"code": code_for(SECRET)}).text
    other = Client()
    log_in(other, olga)
    assert other.post(VERIFY, {"code": code_for(SECRET)}).status_code == 302
    Operator.objects.update(last_code_step=0)
    answer = browser.post(NEW_PHONE, {"code": code_for(secret)})
    assert answer.url == CODES
    page = browser.get(CODES)
    assert "Your new phone makes the codes now." in page.text
    assert len(codes_on(page)) == 10
    third = Client()
    log_in(third, olga)
    assert "not right" in third.post(VERIFY, {"code": code_for(SECRET, 1)}).text
    assert third.post(VERIFY, {"code": code_for(secret, 1)}).status_code == 302


def test_a_new_phone_ends_other_sessions_and_is_mailed(olga):
    browser, elsewhere = signed_in(olga), signed_in(olga)
    secret = key_on(browser.get(NEW_PHONE).text)
    browser.post(NEW_PHONE, {"code": code_for(secret)})
    assert browser.get(olga.get_absolute_url()).status_code == 200
    assert elsewhere.get(olga.get_absolute_url()).status_code == 302
    assert "new phone" in mail.outbox[-1].subject
    assert AuditEntry.objects.filter(action=Action.PHONE_CHANGED).count() == 1


def test_a_new_phone_begins_like_a_first_one(olga):
    browser = signed_in(olga)
    Operator.objects.filter(pk=olga.pk).update(last_code_step=0, code_failures=4)
    secret = key_on(browser.get(NEW_PHONE).text)
    code = code_for(secret)
    before = timezone.now()
    browser.post(NEW_PHONE, {"code": code})
    after = Operator.objects.complete().get(pk=olga.pk)
    assert before <= after.authenticator.confirmed_at <= timezone.now()
    assert (after.code_used_at, after.code_failures) == (None, 0)
    assert after.authenticator.recovery_saved_at is None
    assert AuditEntry.objects.get(action=Action.PHONE_CHANGED).subject_id == olga.pk
    shown = codes_on(browser.get(CODES))
    other = Client()
    log_in(other, olga)
    assert "used already" in other.post(VERIFY, {"code": code}).text
    assert other.post(RECOVER, {"code": shown[0]}).status_code == 302


def test_of_two_new_phones_the_first_stays(olga):
    here, there = signed_in(olga).session, signed_in(olga).session
    late = Operator.objects.complete().get(pk=olga.pk)
    first = enrollment.confirm(here, olga, code_for(enrollment.offer(here, olga).secret))
    second = enrollment.confirm(there, late, code_for(enrollment.offer(there, late).secret))
    assert enrollment.replace(olga, first, NOBODY, RECOVERY_CODES)
    assert not enrollment.replace(late, second, NOBODY, RECOVERY_CODES)
    assert Authenticator.objects.get().secret == first.secret


def test_a_reset_in_the_meantime_wins_over_a_new_phone(olga, monkeypatch):
    browser = signed_in(olga)
    secret = key_on(browser.get(NEW_PHONE).text)
    monkeypatch.setattr(Authenticator.objects, "filter", lambda **_fields: Authenticator.objects.none())
    page = browser.post(NEW_PHONE, {"code": code_for(secret)}, follow=True)
    assert "in the meantime" in page.text


def test_old_recovery_codes_end_with_the_old_phone(olga):
    browser = signed_in(olga)
    browser.post(NEW_PHONE, {"code": code_for(key_on(browser.get(NEW_PHONE).text))})
    other = Client()
    log_in(other, olga, password=PASSWORD)
    assert "not right" in other.post(RECOVER, {"code": RECOVERY_CODES[0]}).text


def test_a_recovery_code_does_not_make_a_spent_code_valid_again(olga):
    """Both were loaded at the same moment; the code from the app was faster."""
    early = Operator.objects.complete().get(pk=olga.pk)
    assert codes.check(olga, code_for(), NOBODY) is None
    assert codes.check_recovery(early, RECOVERY_CODES[0], NOBODY) is None
    assert codes.check(Operator.objects.complete().get(pk=olga.pk), code_for(), NOBODY)
