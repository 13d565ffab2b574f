"""Bad input, everywhere: every field of every form on every page, found by reading the pages."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.policy import Policy
from invitations import invite
from operators.models import Group, Operator, SubAccount
from operators.models.bulk import BulkAction
from tests.support.factories import NOBODY, PASSWORD, make_account, make_operator, signed_in
from tests.test_doors import POST_ONLY, number_in, url_of
from tests.test_flows import link_in_mail, log_in

VALUES = {
    "nothing": "",
    "NUL": "a\0b",
    "control characters": "a\x01\x1b\r\n\tb",
    "HTML": "<script>alert(1)</script>&quot;",
    "10 kB": "1" * 10_240,
    "other script": "Ольга ｏｌｇａ ٣",
    "half of a pair": "\ud83d",
    "quotes": "' OR 1=1 --",
    "no number": "-1",
    "large number": "9" * 40,
}
FORM = "application/x-www-form-urlencoded"


class Forms(HTMLParser):
    """The forms of a page: for each its method, address and the values it would send as it stands."""

    def __init__(self, page: str, url: str) -> None:
        super().__init__()
        self.url = url
        self.found: list[tuple[str, str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("method", "get").lower(), given.get("action") or self.url, {}))
        elif tag in ("input", "select", "button", "textarea") and given.get("name") and self.found:
            self.found[-1][2][given["name"]] = given.get("value") or ""


def person_of(account: Account, **fields) -> Operator:
    return make_operator(account, administrator=True, **fields)


def waiting_for_code() -> tuple[Client, str]:
    operator = person_of(make_account(), enrolled=True)
    browser = Client()
    log_in(browser, operator)
    return browser, reverse("twofactor:verify")


def with_setup_link(*, password: bool) -> tuple[Client, str]:
    operator = make_operator(make_account(Policy.REQUIRED))
    browser = Client()
    log_in(browser, operator)
    if not password:
        browser = Client()
    return browser, browser.get(link_in_mail(), follow=True).request["PATH_INFO"]


def invited(*, details: bool) -> tuple[Client, str]:
    invite.send(make_operator(make_account(Policy.REQUIRED), name="Ivo", invited=True), NOBODY)
    browser = Client()
    browser.get(link_in_mail())
    if details:
        data = {"name": "Ivo", "new_password": "fine long words", "new_password_again": "fine long words"}
        browser.post(reverse("invitations:accept"), data)
        return browser, reverse("invitations:accept-two-factor")
    return browser, reverse("invitations:accept")


def with_reset_link() -> tuple[Client, str]:
    browser = Client()
    operator = make_operator(make_account())
    browser.post(reverse("operators:password-reset"), {"email": operator.email})
    return browser, browser.get(link_in_mail(), follow=True).request["PATH_INFO"]


def with_email_link() -> tuple[Client, str]:
    operator = make_operator(make_account())
    browser = signed_in(operator)
    browser.post(reverse("operators:email", args=[operator.pk]), {"email": "new@example.com"})
    return browser, browser.get(link_in_mail(), follow=True).request["PATH_INFO"]


def at(name: str, *, of: str = "", as_stranger: bool = False) -> Callable[[], tuple[Client, str]]:
    """Return what opens a page as an administrator, about oneself or about somebody or something else."""

    def open_page() -> tuple[Client, str]:
        admin = person_of(make_account(), enrolled=of == "enrolled self")
        make = {
            "other": lambda: make_operator(admin.account),
            "enrolled": lambda: make_operator(admin.account, enrolled=True),
            "invited": lambda: make_operator(admin.account, invited=True),
            "self": lambda: admin,
            "enrolled self": lambda: admin,
            "group": lambda: Group.objects.create(account=admin.account, name="Night shift"),
            "sub-account": lambda: SubAccount.objects.create(account=admin.account, name="Berlin"),
        }
        args = [make[of]().pk] if of else []
        return Client() if as_stranger else signed_in(admin), reverse(name, args=args)

    return open_page


def with_bulk_preview(kind: str, policy: str = Policy.OPTIONAL) -> tuple[Client, str]:
    admin = person_of(make_account(policy), enrolled=True)
    operator = make_operator(admin.account, enrolled=True)
    return signed_in(admin), f"{reverse('operators:bulk')}?kind={kind}&operator={operator.pk}"


def with_bulk_action() -> tuple[Client, str]:
    admin, now = person_of(make_account()), timezone.now()
    action = BulkAction.objects.create(
        account=admin.account, key=uuid4(), kind="reset", created_at=now, alive_at=now
    )
    return signed_in(admin), reverse("operators:bulk-action", args=[action.pk])


def with_policy_preview() -> tuple[Client, str]:
    admin = person_of(make_account(), enrolled=True)
    make_operator(admin.account)
    day = timezone.localdate() + timedelta(days=9)
    query = f"two_factor_policy=required&required_from={day}"
    return signed_in(admin), f"{reverse('operators:policy-preview')}?{query}"


def waiting_for_the_offer() -> tuple[Client, str]:
    account = make_account(Policy.REQUIRED)
    account.required_from = timezone.now() + timedelta(days=9)
    account.save()
    browser = Client()
    log_in(browser, make_operator(account))
    return browser, reverse("operators:offer")


def with_copied_link() -> tuple[Client, str]:
    admin = person_of(make_account())
    url = reverse("operators:setup-link-copy", args=[make_operator(admin.account, override="required").pk])
    browser = signed_in(admin)
    browser.post(url)
    return browser, url


PAGES: dict[str, Callable[[], tuple[Client, str]]] = {
    "login": at("operators:login", as_stranger=True),
    "forgotten password": at("operators:password-reset", as_stranger=True),
    "code": waiting_for_code,
    "set-up": lambda: with_setup_link(password=True),
    "password before set-up": lambda: with_setup_link(password=False),
    "invitation": lambda: invited(details=False),
    "invitation, second page": lambda: invited(details=True),
    "new password": with_reset_link,
    "new address": with_email_link,
    "account settings": at("accounts:settings"),
    "audit log": at("accounts:audit-log"),
    "operators": at("operators:list"),
    "links": at("operators:links"),
    "exceptions": at("operators:exceptions"),
    "reminders": at("operators:reminders"),
    "overview": at("operators:overview"),
    "policy preview": with_policy_preview,
    "offer": waiting_for_the_offer,
    "copied link": with_copied_link,
    "bulk reset": lambda: with_bulk_preview("reset"),
    "bulk exception": lambda: with_bulk_preview("override-disabled", Policy.REQUIRED),
    "bulk group": lambda: with_bulk_preview("group"),
    "bulk action": with_bulk_action,
    "bulk actions": at("operators:bulk-actions"),
    "groups": at("operators:groups"),
    "group": at("operators:group", of="group"),
    "group deletion": at("operators:group-delete", of="group"),
    "new group": at("operators:group-add"),
    "sub-accounts": at("operators:sub-accounts"),
    "sub-account": at("operators:sub-account", of="sub-account"),
    "sub-account deletion": at("operators:sub-account-delete", of="sub-account"),
    "new sub-account": at("operators:sub-account-add"),
    "invite": at("operators:invite"),
    "invite several": at("operators:invite-many"),
    "create": at("operators:create"),
    "operator": at("operators:detail", of="other"),
    "invited operator": at("operators:detail", of="invited"),
    "member of": at("operators:member-of", of="other"),
    "activity": at("operators:activity", of="other"),
    "scan": at("operators:scan", of="other"),
    "reset": at("operators:reset", of="enrolled"),
    "own reset": at("operators:reset", of="enrolled self"),
    "end sessions": at("operators:end-sessions", of="other"),
    "deactivate": at("operators:deactivate", of="other"),
    "delete": at("operators:delete", of="other"),
    "name": at("operators:name", of="other"),
    "email": at("operators:email", of="self"),
    "email of an invited operator": at("operators:email", of="invited"),
    "withdrawal": at("operators:invitation-withdraw", of="invited"),
    "password": at("operators:password"),
}


def encoded(data: dict[str, str]) -> str:
    # Half of a surrogate pair cannot be sent as UTF-8; a hostile client sends its bytes anyway.
    return urlencode({name: value.encode("utf-8", "surrogatepass") for name, value in data.items()})


def queries_with(fields: dict[str, str], field: str) -> Iterator[tuple[str, str]]:
    """Return, named, what is sent with each of the values in a field, and with the field twice."""
    for kind, value in VALUES.items():
        yield kind, encoded({**fields, field: value})
    yield "twice", f"{encoded(fields)}&{encoded({field: '-1'})}"


def assert_nothing_breaks(browser: Client, page: str, url: str) -> None:
    """Send every form of the page with each of the values in each field."""
    forms = Forms(page, url).found
    assert forms
    for method, action, fields in forms:
        for field in fields.keys() - {"csrfmiddlewaretoken"}:
            for kind, data in queries_with(fields, field):
                if method == "post":
                    answer = browser.post(action.split("#")[0], data, content_type=FORM)
                else:
                    answer = browser.get(f"{action.split('?')[0]}?{data}")
                assert answer.status_code < 500, (action, field, kind)
                assert "<script>alert" not in text_of(answer), (action, field, kind)


def text_of(answer: Any) -> str:
    """Return the text of an answer, also of one that is streamed."""
    return b"".join(answer).decode() if answer.streaming else answer.text


@pytest.mark.parametrize("page", PAGES)
def test_no_value_in_any_field_breaks_anything(db, page):
    browser, url = PAGES[page]()
    assert_nothing_breaks(browser, browser.get(url).text, url)


def test_no_value_breaks_the_forms_below_a_table_that_was_checked(admin_browser):
    url = reverse("operators:invite-many")
    page = admin_browser.post(url, {"text": "Ivo,ivo@example.com\nx,y\n"}).text
    assert_nothing_breaks(admin_browser, page, url)


@pytest.mark.parametrize(
    "content", [b"\0", b"\xff\xfe\x00", b"\xef\xbb\xbf", b'"', b"a,b\0c@example.com,,\n" * 9]
)
def test_no_file_breaks_the_check_of_a_table(admin_browser, content):
    file = SimpleUploadedFile("people.csv", content)
    assert admin_browser.post(reverse("operators:invite-many"), {"file": file}).status_code == 200


# What the addresses of pages take, beside what their forms send: each with values that make sense.
ADDRESSES: dict[str, dict[str, str]] = {
    "operators:overview": {"page": "1", "status": "protected"},
    "operators:list": {"page": "1", "sort": "-name", "counts": "", "search": "a", "status": "protected"},
    "operators:exceptions": {"page": "1", "sort": "until", "search": "a", "kind": "ended"},
    "operators:exceptions-export": {"search": "a", "kind": "ended"},
    "operators:links": {"page": "1", "search": "a", "kind": "setup", "state": "sent"},
    "operators:links-export": {"search": "a", "kind": "setup", "state": "sent"},
    "operators:reminders": {"to_optional": "on"},
    "operators:policy-preview": {"two_factor_policy": "required", "required_from": ""},
    "operators:policy-preview-people": {"two_factor_policy": "required", "required_from": "", "page": "1"},
    "operators:bulk": {"kind": "group", "every": "on", "filters": "search=a", "group": "1", "operator": "1"},
    "operators:bulk-actions": {"page": "1"},
    "operators:bulk-action": {"page": "1", "show": "all", "seen": "running-0-0"},
    "operators:bulk-export": {"page": "1"},
    "operators:invite-many": {"text": "a,b", "file": "a"},
    "operators:activity": {"page": "1"},
    "operators:group": {"page": "1", "search": "a", "status": "protected"},
    "operators:scan": {"then": "two_factor_policy=required"},
    "operators:setup-link-copy": {"page": "1"},
    "operators:export": {"sort": "-name", "search": "a", "status": "protected"},
    "accounts:audit-log": {"page": "1", "search": "a", "action": "override"},
    "accounts:audit-export": {"search": "a", "action": "override", "date_from": "2026-11-01"},
    "operators:login": {"next": "/operators/"},
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_parameter_of_an_address_breaks_anything(account, admin, admin_browser, name):
    url, good = url_of(name, number_in(name, account)), ADDRESSES[name]
    ask = admin_browser.post if name in POST_ONLY else admin_browser.get
    for parameter in good:
        for kind, query in queries_with(good, parameter):
            answer = ask(f"{url}?{query}")
            assert answer.status_code < 500, (parameter, kind)
            # A file holds the trail as it is, earlier exports and what they searched for among it.
            text, is_file = text_of(answer), answer.headers["Content-Type"].startswith("text/csv")
            assert is_file or "<script>alert" not in text, (parameter, kind)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_post_breaks_nothing_and_a_large_one_neither(db, page):
    browser, url = PAGES[page]()
    for data in ({}, {f"field{n}": "x" for n in range(2000)}, {"code": ["1", "2"], "email": ["a", "b"]}):
        assert browser.post(url, data).status_code < 500


@pytest.mark.parametrize("page", PAGES)
def test_a_form_posted_twice_does_it_once(db, page):
    browser, url = PAGES[page]()
    for method, action, fields in Forms(browser.get(url).text, url).found:
        if method == "post" and action != reverse("operators:logout"):
            for _ in range(2):
                assert browser.post(action, fields).status_code < 500
    assert len(mail.outbox) <= 4


@pytest.mark.parametrize("raw", ["/login/%00", "/login/?next=%00", "/operators/%00/", "/setup/a%00b/"])
def test_a_nul_byte_in_the_address_is_a_bad_request(db, raw):
    answer = Client().get(raw)
    assert answer.status_code == 400
    assert "400.html" in [template.name for template in answer.templates]


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "time_zone", "messages", "django_language"])
@pytest.mark.parametrize("value", ["a\0b", "x" * 5000, "é", '"', "../../etc/passwd"])
def test_no_cookie_breaks_anything(db, name, value):
    browser = Client()
    browser.cookies[name] = value
    assert browser.get("/login/").status_code in (200, 400)
    assert browser.post("/login/", {"email": "a@example.com", "password": PASSWORD}).status_code in (200, 400)


@pytest.mark.parametrize(
    "number", ["0", "-1", "1.5", "abc", "9" * 19, "9" * 40, "１", "%20", "1%2F2", "null"]
)
@pytest.mark.parametrize("page", ["operators", "groups", "sub-accounts"])
def test_what_is_no_number_or_nobodys_does_not_exist(admin_browser, page, number):
    answer = admin_browser.get(f"/{page}/{number}/")
    assert answer.status_code == 404
    assert "404.html" in [template.name for template in answer.templates]
