"""Sensitive acts ask for password and code again, and then go on with what was typed."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as product
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from operators.models import Group, Operator
from tests.support.factories import PASSWORD, RECOVERY_CODES, RESET, code_for, make_operator
from tests.support.flows import key_on, log_in
from tests.support.proof import proof, stale

ASKS = "Confirm that it is you"
SETTINGS = reverse("accounts:trusted-browsers")
SHOWN = reverse("accounts:settings")
# What asks, and for which methods. A view that changes how somebody signs in belongs here, and one that can
# make an administrator: whoever has a session only would make one of their own, and be asked nothing more.
MARKED = {
    "operators:policy-preview": ("POST",),
    "operators:bulk": ("POST",),
    "operators:invite-many-confirm": ("POST",),
    "operators:reminders-send": ("POST",),
    "operators:reminders-schedule": ("POST",),
    "accounts:trusted-browsers": ("POST",),
    "accounts:audit-export": ("POST",),
    "accounts:policy-export": ("POST",),
    "operators:export": ("POST",),
    "operators:links-export": ("POST",),
    "operators:exceptions-export": ("POST",),
    "operators:bulk-export": ("POST",),
    "operators:activate": ("GET", "POST"),
    "operators:deactivate": ("GET", "POST"),
    "operators:name": ("GET", "POST"),
    "operators:end-unprotected": ("GET", "POST"),
    "operators:group-delete": ("POST",),
    "operators:create": ("GET", "POST"),
    "operators:invite": ("POST",),
    "operators:invitation-copy": ("POST",),
    "operators:setup-link-copy": ("POST",),
    "operators:member-of": ("POST",),
    "operators:group": ("POST",),
    "operators:override": ("POST",),
    "operators:sign-in-method": ("POST",),
    "operators:scan": ("GET", "POST"),
    "operators:reset": ("GET", "POST"),
    "operators:email": ("GET", "POST"),
    "operators:password": ("GET", "POST"),
    "operators:delete": ("GET", "POST"),
    "operators:end-sessions": ("GET", "POST"),
    "operators:free": ("POST",),
    "twofactor:new-phone": ("GET", "POST"),
    "twofactor:recovery-codes-new": ("POST",),
}

ABOUT_SOMEBODY = {name for name in MARKED if name.startswith("operators:")} - {
    "operators:password",
    "operators:create",
    "operators:invite",
    "operators:policy-preview",
    "operators:bulk",
    "operators:invite-many-confirm",
    "operators:reminders-send",
    "operators:reminders-schedule",
    "operators:export",
    "operators:links-export",
    "operators:exceptions-export",
    "operators:end-unprotected",
}


def patterns_of(resolver):
    """Return every address, also those of the lists that a list includes."""
    for entry in resolver.url_patterns:
        yield from [entry] if isinstance(entry, URLPattern) else patterns_of(entry)


def test_exactly_these_views_ask():
    asking = {}
    for namespace, (_prefix, resolver) in get_resolver().namespace_dict.items():
        for pattern in patterns_of(resolver):
            if methods := getattr(pattern.callback, "needs_proof", None):
                asking[f"{namespace}:{pattern.name}"] = methods
    assert asking == MARKED


@pytest.fixture
def anna(account):
    return make_operator(account, "anna@example.com", name="Anna Admin", administrator=True, enrolled=True)


@pytest.mark.parametrize("name", sorted(set(MARKED) - {"operators:reset"}))
def test_each_asks_after_a_quarter_of_an_hour(account, anna, name):
    browser = stale(anna)
    olga = make_operator(account)
    url = reverse(name, args=[olga.pk] if name in ABOUT_SOMEBODY else [])
    answer = browser.post(url, {"name": olga.name})
    assert ASKS in answer.text
    if "GET" in MARKED[name]:
        assert ASKS in browser.get(url).text


def test_signing_in_is_a_proof_for_a_quarter_of_an_hour(account, admin):
    browser = Client()
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        log_in(browser, admin)
    with time_machine.travel(now + timedelta(minutes=14, seconds=59), tick=False):
        assert browser.post(SETTINGS, {"trusted_browser_days": "30"}).status_code == 302
    with time_machine.travel(now + timedelta(minutes=15), tick=False):
        assert ASKS in browser.post(SETTINGS, {"trusted_browser_days": "7"}).text
    account.refresh_from_db()
    assert account.trusted_browser_days == 30


def test_what_was_typed_goes_on_after_the_proof(account, anna):
    browser = stale(anna)
    page = browser.post(SETTINGS, {"trusted_browser_days": "30"})
    assert '<input type="hidden" name="trusted_browser_days" value="30">' in page.text
    answer = browser.post(SETTINGS, proof(trusted_browser_days="30"))
    assert answer.status_code == 302
    account.refresh_from_db()
    assert account.trusted_browser_days == 30
    assert AuditEntry.objects.filter(action=Action.PROVED, subject_id=anna.pk).count() == 1
    assert browser.post(SETTINGS, {"trusted_browser_days": "7"}).status_code == 302


def test_a_session_alone_makes_no_administrator(account, anna):
    olga = make_operator(account, "olga@example.com")
    group = account.groups.get(kind=Group.Kind.ADMINISTRATORS)
    browser = stale(anna)
    words = {"new_password": "a fine long password", "new_password_again": "a fine long password"}
    new = {"name": "Eve", "email": "eve@example.com", "groups": [group.pk], **words}
    browser.post(reverse("operators:create"), new)
    browser.post(reverse("operators:invite"), new)
    browser.post(reverse("operators:member-of", args=[olga.pk]), {"groups": [group.pk]})
    browser.post(reverse("operators:group", args=[group.pk]), {"add": [olga.pk]})
    assert list(Operator.objects.administrators()) == [anna]
    assert Operator.objects.count() == 2


def test_a_session_alone_brings_no_dismissed_administrator_back(account, anna):
    dan = make_operator(account, "dan@example.com", administrator=True, active=False)
    url = reverse("operators:activate", args=[dan.pk])
    browser = stale(anna)
    assert ASKS in browser.get(url).text
    assert ASKS in browser.post(url).text
    assert not Operator.objects.get(pk=dan.pk).is_active
    assert browser.post(url, proof()).status_code == 302
    assert Operator.objects.get(pk=dan.pk).is_active


def test_a_session_alone_changes_nobody_elses_name(account, anna):
    olga = make_operator(account)
    browser = stale(anna)
    assert ASKS in browser.post(reverse("operators:name", args=[olga.pk]), {"name": "Anna"}).text
    assert Operator.objects.get(pk=olga.pk).name == olga.name
    assert browser.post(reverse("operators:name", args=[anna.pk]), {"name": "Anna A."}).status_code == 302


def test_the_proof_for_a_file_leads_back_to_where_it_was_asked_for(account, anna):
    browser, url = stale(anna), reverse("operators:export") + "?search=olga"
    page = reverse("operators:list") + "?search=olga"
    asked = browser.post(url, headers={"referer": f"http://testserver{page}"})
    assert "The file holds data of other people" in asked.text
    assert "data of other people" not in browser.post(SETTINGS, {"trusted_browser_days": "30"}).text
    wrong = browser.post(url, proof(proof_back=page, proof_code="000000"))
    assert ASKS in wrong.text
    answer = browser.post(url, proof(proof_back=page), follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "Choose the file again" in answer.text
    assert browser.post(url).has_header("X-Row-Count")
    assert browser.post(url, proof("POST", proof_back=page)).url == page


def test_chosen_groups_go_on_after_the_proof(account, anna):
    olga = make_operator(account, "olga@example.com")
    groups = [Group.objects.create(account=account, name=name).pk for name in ("Day", "Night")]
    browser, url = stale(anna), reverse("operators:member-of", args=[olga.pk])
    page = browser.post(url, {"groups": groups}).text
    kept = re.findall(r'name="groups" value="(\d+)"', page)
    assert len(kept) == 2
    browser.post(url, {**proof(), "groups": kept})
    assert set(olga.groups.values_list("pk", flat=True)) == set(groups)


def test_a_proof_gives_the_session_a_new_key_and_ends_the_old_one(anna):
    browser, thief = stale(anna), Client()
    thief.cookies[product.SESSION_COOKIE_NAME] = browser.session.session_key or ""
    assert browser.post(SETTINGS, proof(trusted_browser_days="30")).status_code == 302
    assert browser.get(SHOWN).status_code == 200
    assert thief.get(SHOWN).url.startswith("/login/")


def test_a_new_password_right_after_the_proof_leaves_this_session(anna):
    browser = stale(anna)
    url = reverse("operators:password")
    new = {"new_password": "a fine long password", "new_password_again": "a fine long password"}
    assert ASKS in browser.get(url).text
    browser.post(url, {**proof(), "current_password": PASSWORD, **new})
    assert browser.get(anna.get_absolute_url()).status_code == 200
    assert Operator.objects.get(pk=anna.pk).check_password("a fine long password")


def test_a_popup_that_asked_shows_itself_after_the_proof(account, anna):
    olga = make_operator(account)
    browser = stale(anna)
    scan = reverse("operators:scan", args=[olga.pk])
    page = browser.post(scan, proof("GET"))
    secret = key_on(page.text)
    assert browser.post(scan, {"code": code_for(secret)}).status_code == 302


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"proof_password": "a wrong password"}, "not your password"),
        ({"proof_password": ""}, "required"),
        ({"proof_code": "000000"}, "not right"),
        ({"proof_code": ""}, "required"),
        ({"proof_code": "x"}, "6 digits"),
    ],
)
def test_a_wrong_proof_changes_nothing_and_keeps_what_was_typed(account, anna, fields, said):
    browser = stale(anna)
    page = browser.post(SETTINGS, proof(trusted_browser_days="30", **fields)).text
    assert said in page
    assert '<input type="hidden" name="trusted_browser_days" value="30">' in page
    account.refresh_from_db()
    assert account.trusted_browser_days is None


def test_a_proof_that_is_sent_twice_is_asked_for_once(account, anna):
    browser = stale(anna)
    data = proof(trusted_browser_days="30")
    assert [browser.post(SETTINGS, data).status_code for _ in range(2)] == [302, 302]
    assert AuditEntry.objects.filter(action=Action.PROVED).count() == 1


def test_a_code_is_not_spent_beside_a_wrong_password(anna):
    browser = stale(anna)
    data = {"trusted_browser_days": "30"}
    browser.post(SETTINGS, proof(proof_password="wrong words", **data))
    assert browser.post(SETTINGS, proof(**data)).status_code == 302


def test_a_recovery_code_proves_too(anna):
    browser = stale(anna)
    data = proof(proof_code=RECOVERY_CODES[0], trusted_browser_days="30")
    assert browser.post(SETTINGS, data).status_code == 302


def test_a_code_proves_once(anna):
    code = code_for()
    first = stale(anna)
    Operator.objects.update(last_code_step=0)
    second = stale(anna)
    Operator.objects.update(last_code_step=0)
    data = {"trusted_browser_days": "30", "proof_code": code}
    assert first.post(SETTINGS, proof(**data)).status_code == 302
    assert "used already" in second.post(SETTINGS, proof(**data)).text


def test_who_is_not_enrolled_is_asked_for_the_password_only(admin):
    browser = stale(admin)
    page = browser.post(SETTINGS, {"trusted_browser_days": "30"}).text
    assert "proof_password" in page
    assert "proof_code" not in page
    data = {"proof_for": "POST", "proof_password": PASSWORD, "trusted_browser_days": "30"}
    assert browser.post(SETTINGS, data).status_code == 302


def test_a_password_alone_is_no_proof_once_an_authenticator_counts(account, anna):
    account.two_factor_policy = Policy.DISABLED
    account.save()
    browser = Client()
    log_in(browser, anna)
    account.two_factor_policy = Policy.OPTIONAL
    account.save()
    assert ASKS in browser.post(SETTINGS, {"trusted_browser_days": "7"}).text


def test_wrong_passwords_are_limited(anna):
    browser = stale(anna)
    for _ in range(9):
        browser.post(SETTINGS, proof(proof_password="a wrong password"))
    browser.post(SETTINGS, proof(proof_password="a wrong password"))
    assert "Too many wrong passwords" in browser.post(SETTINGS, proof()).text


def test_new_passwords_are_not_written_into_the_page(admin):
    browser = stale(admin)
    page = browser.post(reverse("operators:password"), {"new_password": "a fine long password", "x": "1"})
    assert "a fine long password" not in page.text
    assert 'name="x" value="1"' in page.text


def test_the_proof_of_one_person_is_not_that_of_another(admin, operator):
    browser = stale(admin)
    answer = browser.post(SETTINGS, {**proof(), "proof_password": "another password"})
    assert "not your password" in answer.text


def test_cancel_leads_back_to_the_page_one_came_from(admin):
    browser = stale(admin)
    olga = make_operator(admin.account)
    page = f"http://testserver{olga.get_absolute_url()}"
    url = reverse("operators:override", args=[olga.pk])
    assert f'href="{page}"' in browser.post(url, {}, headers={"referer": page}).text
    again = {**proof(proof_back=page), "proof_password": "another password"}
    assert f'href="{page}"' in browser.post(url, again, headers={"referer": f"http://testserver{url}"}).text


def test_cancel_leads_back_to_a_page_that_sends_its_form_to_itself(admin):
    page = f"http://testserver{SETTINGS}"
    assert f'href="{page}"' in stale(admin).post(SETTINGS, {}, headers={"referer": page}).text


def test_cancel_does_not_lead_to_the_question_again(admin):
    url = reverse("operators:password")
    answer = stale(admin).post(url, {}, headers={"referer": f"http://testserver{url}?a=b"})
    assert 'href="/" data-popup-close' in answer.text.replace("  ", " ")


@pytest.mark.parametrize("target", ["https://evil.example.com/", "javascript:evil()", "//evil.example.com"])
def test_cancel_leads_nowhere_else(admin, target):
    browser = stale(admin)
    for fields, referer in (({}, target), ({"proof_back": target}, "")):
        assert 'href="/"' in browser.post(SETTINGS, fields, headers={"referer": referer}).text


def test_cancel_does_not_lead_from_an_encrypted_page_to_one_that_is_not(admin):
    for scheme, back in (("http", "/"), ("https", f"https://testserver{SETTINGS}")):
        headers = {"referer": f"{scheme}://testserver{SETTINGS}"}
        page = stale(admin).post(SETTINGS, {}, headers=headers, secure=True).text
        assert f'href="{back}" data-popup-close' in page


def test_typing_begins_with_the_password_and_it_is_called_that(admin):
    page = stale(admin).post(SETTINGS, {}).text
    assert "autofocus" in page
    assert ">Password</label>" in page


def test_an_own_reset_takes_password_and_code_every_time(anna):
    browser = Client()
    log_in(browser, anna)
    browser.post(reverse("twofactor:verify"), {"code": code_for(steps=-1)})
    url = reverse("operators:reset", args=[anna.pk])
    assert "proof_code" in browser.get(url).text
    assert "not right" in browser.post(url, {"proof_password": PASSWORD, "proof_code": "000000"}).text
    answer = browser.post(url, {"proof_password": PASSWORD, "proof_code": RECOVERY_CODES[0]})
    assert answer.status_code == 302
    assert not Operator.objects.complete().get(pk=anna.pk).is_enrolled


def test_a_reset_of_somebody_else_asks_for_proof(account, anna):
    olga = make_operator(account, enrolled=True)
    browser = stale(anna)
    url = reverse("operators:reset", args=[olga.pk])
    assert ASKS in browser.get(url).text
    assert ASKS in browser.post(url, RESET).text
    assert browser.post(url, {**RESET, **proof()}).status_code == 302
    assert not Operator.objects.complete().get(pk=olga.pk).is_enrolled


def test_strangers_are_sent_to_the_login_page_not_asked(db):
    assert Client().post(SETTINGS, proof()).url.startswith("/login/")
