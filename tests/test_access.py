"""Which pages are open to whom? Walks the table of addresses, so that a new page cannot be forgotten."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import Action, AuditEntry
from operators.models import Operator
from tests.support.address_table import (
    ABOUT_OPERATORS,
    ADMINISTRATORS_ONLY,
    APPS,
    LOGIN,
    MANAGING,
    NUMBERED,
    OPEN_TO_STRANGERS,
    POST_ONLY,
    READ_ONLY,
    TABLE,
    WRITING,
    number_in,
    url_of,
)
from tests.support.factories import PASSWORD, make_account, make_operator, signed_in


def test_every_address_has_a_name_and_is_known_here():
    assert len(TABLE) == 91
    assert set(TABLE) >= OPEN_TO_STRANGERS | ADMINISTRATORS_ONLY | MANAGING | POST_ONLY | READ_ONLY


@pytest.mark.parametrize("method", ["get", "post"])
def test_exactly_these_pages_are_open_to_strangers(operator, method):
    found = set()
    for name in TABLE:
        url = url_of(name, operator.pk)
        answer = getattr(Client(), method)(url)
        back = url if method == "get" else "/"  # the address of a button cannot be gone back to
        if answer.status_code != 302 or answer.url != f"{LOGIN}?next={back}":
            found.add(name)
    assert found == OPEN_TO_STRANGERS


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", NUMBERED)
def test_what_another_account_has_does_not_exist(admin_browser, name, method):
    foreign = make_account(name="Other")
    url = url_of(name, number_in(name, foreign))
    allowed = (404, 405) if name in POST_ONLY | READ_ONLY else (404,)
    assert getattr(admin_browser, method)(url).status_code in allowed
    read = name in READ_ONLY
    assert getattr(admin_browser, "get" if read else "post")(url).status_code == 404


@pytest.mark.parametrize("name", sorted(ADMINISTRATORS_ONLY))
def test_the_administrators_pages_are_forbidden_for_others(account, operator_browser, name):
    url = url_of(name, number_in(name, account))
    assert operator_browser.get(url).status_code == (405 if name in POST_ONLY else 403)
    assert operator_browser.post(url).status_code == (405 if name in READ_ONLY else 403)


@pytest.mark.parametrize("name", ABOUT_OPERATORS)
def test_other_operators_do_not_exist_for_an_operator(account, operator_browser, name):
    url = url_of(name, make_operator(account).pk)
    method = "get" if name in READ_ONLY else "post"
    assert getattr(operator_browser, method)(url).status_code == 404


@pytest.mark.parametrize("name", sorted(MANAGING))
def test_an_operator_does_not_manage_the_own_row(operator, operator_browser, name):
    assert operator_browser.post(url_of(name, operator.pk)).status_code == 403
    assert operator.session_nonce == Operator.objects.get(pk=operator.pk).session_nonce


def test_an_operator_does_not_change_the_own_groups(operator, operator_browser):
    assert operator_browser.post(url_of("operators:member-of", operator.pk)).status_code == 403


@pytest.mark.parametrize("policy", ["optional", "required"])
def test_a_waiting_sign_in_opens_nothing_else(account, policy):
    account.two_factor_policy = policy
    account.save()
    operator = make_operator(account, enrolled=policy == "optional", administrator=True)
    browser = Client()
    browser.post(LOGIN, {"email": operator.email, "password": PASSWORD})
    for name in set(TABLE) - OPEN_TO_STRANGERS:
        url = url_of(name, operator.pk)
        assert browser.get(url).url == f"{LOGIN}?next={url}", name
        assert browser.post(url).url == f"{LOGIN}?next=/", name


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_what_only_changes_something_refuses_get(admin, admin_browser, name):
    for method in ("get", "head"):
        assert getattr(admin_browser, method)(url_of(name, admin.pk)).status_code == 405


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_what_only_shows_something_refuses_post(admin, admin_browser, name):
    assert admin_browser.post(url_of(name, admin.pk)).status_code == 405


@pytest.mark.parametrize("name", sorted(set(WRITING) - OPEN_TO_STRANGERS))
def test_a_post_without_csrf_token_is_refused(admin, name):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    answer = browser.post(url_of(name, admin.pk))
    assert answer.status_code == 403
    assert "403_csrf.html" in [template.name for template in answer.templates]


@pytest.mark.parametrize("name", sorted(OPEN_TO_STRANGERS - READ_ONLY))
def test_nor_does_one_carry_anything_out_on_a_page_for_strangers(admin, admin_browser, name):
    asked = admin_browser.get(url_of(name))
    admin_browser.handler.enforce_csrf_checks = True
    as_if_asked_for(asked, admin_browser.post(url_of(name)))
    assert admin_browser.get(admin.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("name", sorted(OPEN_TO_STRANGERS - READ_ONLY))
def test_a_stranger_s_post_without_csrf_token_is_refused(db, name):
    as_if_asked_for(Client().get(url_of(name)), Client(enforce_csrf_checks=True).post(url_of(name)))


def as_if_asked_for(asked, refused):
    """What the page shows then: tests/test_stale_forms.py."""
    if asked.status_code == 405:
        assert (refused.status_code, refused.headers["Location"]) == (302, "/")
    elif asked.status_code == 410:
        assert "open_link_again.html" in [template.name for template in refused.templates]
    else:
        assert refused.status_code == asked.status_code
        assert refused.headers.get("Location") == asked.headers.get("Location")


def test_other_methods_are_refused_everywhere(admin, admin_browser):
    for name in TABLE:
        for method in ("put", "patch", "delete"):
            answer = getattr(admin_browser, method)(url_of(name, admin.pk))
            assert answer.status_code == 405, name


def test_logging_out_is_in_reach_on_every_page(admin, admin_browser):
    button = f'<form method="post" action="{reverse("operators:logout")}">'
    seen = 0
    for name in set(TABLE) - OPEN_TO_STRANGERS - POST_ONLY:
        answer = admin_browser.get(url_of(name, admin.pk))
        if answer.status_code == 200 and not answer.has_header("Content-Disposition"):
            seen += 1
            assert button in answer.text, name
            assert "Log out" in answer.text, name
    assert seen > 20


FILES = {
    "accounts:audit-export": {},
    "accounts:policy-export": {},
    "operators:export": {},
    "operators:links-export": {},
    "operators:exceptions-export": {},
    "operators:bulk-export": {},
    "operators:invite-many-errors": {"text": "nobody,nowhere"},
    "twofactor:recovery-codes-download": {},
}


def test_a_file_is_a_post_and_leaves_an_entry(account):
    anna = make_operator(account, administrator=True, enrolled=True)
    browser, found = signed_in(anna), set()
    browser.post(reverse("twofactor:recovery-codes-new"))
    for name in sorted(set(TABLE) - OPEN_TO_STRANGERS):
        url = url_of(name, number_in(name, account) if "bulk" in name else anna.pk)
        assert not browser.get(url).has_header("Content-Disposition"), name
        if name in FILES:
            before = AuditEntry.objects.filter(actor_id=anna.pk).count()
            answer = browser.post(url, FILES[name])
            assert answer.has_header("Content-Disposition"), name
            assert AuditEntry.objects.filter(actor_id=anna.pk).count() == before + 1, name
            found.add(name)
    assert found == {*FILES}


# docs/security.md, Every act: act, address, who, proof, entries, mailed, why without.
PAGE = (Path(__file__).parent.parent / "docs/security.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" |")]
    for line in PAGE.partition("## Every act\n")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| act |")
]
ACTS = {row[1].strip("`"): row for row in ROWS}
PROOFS = {(): "no", ("POST",): "to send", ("GET", "POST"): "to open"}


def proof_of(name: str) -> str:
    view = get_resolver().resolve(url_of(name)).func
    words = PROOFS[getattr(view, "needs_proof", ())]
    return f"{words}, for others" if getattr(view, "needs_proof_unless_self", False) else words


def who_of(name: str) -> str:
    if name in OPEN_TO_STRANGERS:
        return "anybody"
    if name in ADMINISTRATORS_ONLY | MANAGING | {"operators:member-of"}:
        return "administrators"
    return "oneself, administrators" if TABLE[name] == ["pk"] and "trusted" not in name else "oneself"


def test_every_act_has_one_row_on_the_security_page():
    commands = [name for name, app in get_commands().items() if app in {*APPS, "uptrends_2fa"}]
    assert len(ROWS) == len(ACTS)
    assert sorted(ACTS) == sorted([*WRITING, *(f"manage.py {name}" for name in commands)])


@pytest.mark.parametrize("name", WRITING)
def test_the_row_of_an_act_says_what_the_code_does(name):
    _act, _name, who, proof, _entries, mailed, why_not = ACTS[name]
    assert (who, proof) == (who_of(name), proof_of(name))
    # What is not asked for, also of oneself alone, has a reason; what is always asked for needs none.
    assert bool(why_not) is (proof not in ("to send", "to open"))
    assert mailed


def test_the_rows_name_every_kind_of_entry_and_no_other():
    named = {kind for row in ROWS for kind in re.findall(r"`(\w+)`", row[4])}
    assert named | {"proved"} == {*Action.values}


def test_a_session_ends_with_a_new_nonce(operator):
    browser = signed_in(operator)
    operator.renew_session_nonce()
    assert browser.get(operator.get_absolute_url()).status_code == 302


def test_one_address_beside_the_table_says_that_the_process_lives_and_nothing_else(settings):
    """Under any name, without TLS, without the database: this test may not use it."""
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["login.example.com"]
    answer = Client(headers={"host": "10.9.8.7:8000"}).get("/healthz")
    assert (answer.status_code, answer.content, list(answer.cookies)) == (200, b"ok", [])
    assert Client().head("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/healthz/", "/healthz/x", "/x/healthz", "/Healthz"])
def test_no_other_address_is_taken_for_it(db, path):
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_it_takes_nothing(db, method):
    assert getattr(Client(enforce_csrf_checks=True), method)("/healthz").status_code == 404
