"""Every act that people may send twice: a form that is filled in, and where one click of it lands."""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from html import unescape
from itertools import count
from typing import Any

from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.policy import Policy
from invitations import invite
from operators.models import Group, Operator
from tests.support.factories import (
    NOBODY,
    PASSWORD,
    RECOVERY_CODES,
    RESET,
    code_for,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on, link_in_mail
from twofactor import proof
from twofactor.late_code import METHOD_FIELD

NEW = "a fine long password"
LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
SETUP = reverse("invitations:setup")
ACCEPT = reverse("invitations:accept")
HIDDEN = re.compile(r'<input type="hidden" name="(csrfmiddlewaretoken|key|counted|shown)" value="([^"]*)"')
_numbers = count(1)


@dataclass
class Form:
    """A form in a browser that is filled in; `at` is where it is sent to, `lands` where one click leads."""

    browser: Client
    at: str
    data: dict[str, Any]
    lands: str

    def send(self, browser: Client | None = None) -> Any:
        return (browser or self.browser).post(self.at, self.data)

    def twin(self) -> Client:
        """The same browser, with the cookies that it has now."""
        twin = new_browser()
        twin.cookies = deepcopy(self.browser.cookies)
        return twin


def new_browser() -> Client:
    """A browser whose forms need their token."""
    return Client(enforce_csrf_checks=True)


def inside(operator: Operator) -> Client:
    """A browser in which the operator is signed in."""
    browser = signed_in(operator)
    browser.handler.enforce_csrf_checks = True
    return browser


def unproved(operator: Operator) -> Client:
    """The same, with a proof that has grown old."""
    browser = inside(operator)
    session = browser.session
    del session[proof.SESSION_KEY]
    session.save()
    return browser


def filled(browser: Client, page: str, lands: str, at: str = "", **data: Any) -> Form:
    """Open a page and fill in its form."""
    return filled_on(browser.get(page, follow=True).text, browser, at or page, lands, **data)


def filled_on(shown: str, browser: Client, at: str, lands: str, **data: Any) -> Form:
    hidden = {name: unescape(value) for name, value in HIDDEN.findall(shown)}
    assert "csrfmiddlewaretoken" in hidden, shown
    return Form(browser, at, {**hidden, **data}, lands)


def log_in(operator: Operator, browser: Client | None = None) -> Client:
    browser = browser or new_browser()
    filled(browser, LOGIN, "", email=operator.email, password=PASSWORD).send()
    return browser


def _address() -> str:
    return f"somebody{next(_numbers)}@example.com"


def _operator(policy: str = Policy.OPTIONAL, **more: Any) -> Operator:
    return make_operator(make_account(policy), _address(), **more)


# A login


def login_in_a_used_browser() -> Form:
    olga = _operator()
    browser = inside(_operator())
    browser.get("/")
    page = filled(browser, reverse("operators:name", args=[browser.session["_auth_user_id"]]), "")
    return Form(browser, LOGIN, {**page.data, "email": olga.email, "password": PASSWORD}, _page(olga))


def login() -> Form:
    """As a password manager sends it: in a browser that has no session."""
    olga = _operator()
    return filled(new_browser(), LOGIN, _page(olga), email=olga.email, password=PASSWORD)


def login_that_waits_for_a_code() -> Form:
    olga = _operator(enrolled=True)
    return filled(new_browser(), LOGIN, VERIFY, email=olga.email, password=PASSWORD)


def login_after_a_session_that_has_ended() -> Form:
    form = login()
    form.browser.cookies[settings.SESSION_COOKIE_NAME] = "0" * 32
    return form


def code() -> Form:
    olga = _operator(enrolled=True)
    return filled(log_in(olga), VERIFY, _page(olga), code=code_for())


def code_with_trust() -> Form:
    olga = _operator(enrolled=True)
    Account.objects.filter(pk=olga.account_id).update(trusted_browser_days=30)
    return filled(log_in(olga), VERIFY, _page(olga), code=code_for(), trust="on")


def recovery_code() -> Form:
    olga = _operator(enrolled=True)
    return filled(log_in(olga), reverse("twofactor:recover"), _page(olga), code=RECOVERY_CODES[0])


def setup_password() -> Form:
    log_in(_operator(Policy.REQUIRED))
    browser = new_browser()
    browser.get(link_in_mail())
    return filled(browser, reverse("invitations:setup-password"), SETUP, password=PASSWORD)


def setup() -> Form:
    browser = log_in(_operator(Policy.REQUIRED))
    text = browser.get(link_in_mail(), follow=True).text
    return filled_on(text, browser, SETUP, _codes(), code=code_for(key_on(text)))


def _invited(policy: str) -> Client:
    invite.send(_operator(policy, name="Ivo", invited=True), NOBODY)
    browser = new_browser()
    browser.get(link_in_mail())
    return browser


def invitation() -> Form:
    ivo = Operator.objects.order_by("pk").last
    browser = _invited(Policy.DISABLED)
    invited = ivo()
    assert invited
    form = filled(browser, ACCEPT, _page(invited), name="Ivo")
    form.data |= {"new_password": NEW, "new_password_again": NEW}
    return form


def invitation_details() -> Form:
    form = filled(_invited(Policy.REQUIRED), ACCEPT, reverse("invitations:accept-two-factor"), name="Ivo")
    form.data |= {"new_password": NEW, "new_password_again": NEW}
    return form


def invitation_with_a_code() -> Form:
    details = invitation_details()
    details.send()
    text = details.browser.get(details.lands).text
    return filled_on(text, details.browser, details.lands, _codes(), code=code_for(key_on(text)))


def log_out_and_accept() -> Form:
    browser = _invited(Policy.DISABLED)
    browser.cookies = log_in(_operator(), browser).cookies
    browser.get(link_in_mail())
    return filled(browser, ACCEPT, ACCEPT, at=reverse("invitations:accept-log-out"))


# In a session


def popup() -> Form:
    olga = _operator()
    scan = reverse("operators:scan", args=[olga.pk])
    browser = inside(olga)
    text = browser.get(scan).text
    return filled_on(text, browser, scan, _codes(), code=code_for(key_on(text)))


def popup_for_another() -> Form:
    admin = _operator(administrator=True)
    olga = make_operator(admin.account, _address())
    scan = reverse("operators:scan", args=[olga.pk])
    browser = inside(admin)
    text = browser.get(scan).text
    return filled_on(text, browser, scan, _page(olga), code=code_for(key_on(text)))


def new_phone() -> Form:
    browser = inside(_operator(enrolled=True))
    page = reverse("twofactor:new-phone")
    text = browser.get(page).text
    return filled_on(text, browser, page, _codes(), code=code_for(key_on(text)))


def new_recovery_codes() -> Form:
    browser = inside(_operator(enrolled=True))
    return filled(browser, _codes(), _codes(), at=reverse("twofactor:recovery-codes-new"))


def proof_before_new_recovery_codes() -> Form:
    browser = unproved(_operator(enrolled=True))
    act = reverse("twofactor:recovery-codes-new")
    text = filled(browser, _codes(), "", at=act).send().text
    data = {"proof_for": "POST", "proof_password": PASSWORD, "proof_code": code_for()}
    return filled_on(text, browser, act, _codes(), **data)


def proof_before_a_page() -> Form:
    """What comes is no redirect but the page itself."""
    browser = unproved(_operator(enrolled=True))
    data = {"proof_for": "GET", "proof_password": PASSWORD, "proof_code": code_for()}
    return filled(browser, reverse("twofactor:new-phone"), "", **data)


def code_after_a_rise_of_the_policy() -> Form:
    olga = _operator(Policy.DISABLED, enrolled=True)
    browser = log_in(olga)
    Account.objects.filter(pk=olga.account_id).update(two_factor_policy=Policy.REQUIRED)
    data = {METHOD_FIELD: "POST", "proof_code": code_for(), "name": "Olga Other"}
    return filled(browser, reverse("operators:name", args=[olga.pk]), _page(olga), **data)


def own_reset() -> Form:
    olga = _operator(enrolled=True)
    page = reverse("operators:reset", args=[olga.pk])
    data = {"proof_password": PASSWORD, "proof_code": code_for()}
    return filled(inside(olga), page, _page(olga), **data)


def reset_of_another() -> Form:
    admin = _operator(administrator=True)
    olga = make_operator(admin.account, _address(), enrolled=True)
    return filled(inside(admin), reverse("operators:reset", args=[olga.pk]), _page(olga), **RESET)


def own_password() -> Form:
    olga = _operator()
    data = {"current_password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
    return filled(inside(olga), reverse("operators:password"), _page(olga), **data)


def adding_by_invitation() -> Form:
    browser = inside(_operator(administrator=True))
    return filled(browser, reverse("operators:invite"), "new", name="Ivo", email=_address())


def adding_by_hand() -> Form:
    browser = inside(_operator(administrator=True))
    data = {"name": "Ivo", "email": _address(), "new_password": NEW, "new_password_again": NEW}
    return filled(browser, reverse("operators:create"), "new", **data)


def group() -> Form:
    browser = inside(_operator(administrator=True))
    return filled(browser, reverse("operators:group-add"), "new", name="Night shift")


def member() -> Form:
    admin = _operator(administrator=True)
    olga = make_operator(admin.account, _address())
    page = reverse("operators:group", args=[Group.objects.create(account=admin.account, name="Night").pk])
    return filled(inside(admin), page, page, add=olga.pk)


def bulk() -> Form:
    admin = _operator(administrator=True)
    chosen: dict[str, Any] = {
        "kind": "override-required",
        "operator": make_operator(admin.account, _address()).pk,
    }
    browser, page = inside(admin), reverse("operators:bulk")
    return filled_on(browser.get(page, chosen).text, browser, page, "new", **chosen)


def table() -> Form:
    browser = inside(_operator(administrator=True))
    text = f"Ivo,{_address()}\n"
    shown = filled(browser, reverse("operators:invite-many"), "", text=text).send().text
    return filled_on(shown, browser, reverse("operators:invite-many-confirm"), "new", text=text)


# By a link


def _reset_link(olga: Operator) -> str:
    Client().post(reverse("operators:password-reset"), {"email": olga.email})
    return link_in_mail()


def password_reset() -> Form:
    browser = new_browser()
    browser.get(_reset_link(_operator()))
    data = {"new_password": NEW, "new_password_again": NEW}
    return filled(browser, reverse("operators:password-reset-choose"), LOGIN, **data)


def password_reset_in_ones_own_session() -> Form:
    olga = _operator()
    browser = inside(olga)
    browser.get(_reset_link(olga))
    data = {"new_password": NEW, "new_password_again": NEW}
    return filled(browser, reverse("operators:password-reset-choose"), LOGIN, **data)


def _email_link(browser: Client, olga: Operator) -> str:
    filled(browser, reverse("operators:email", args=[olga.pk]), "", email=_address()).send()
    return link_in_mail()


def new_address() -> Form:
    olga = _operator()
    link, browser = _email_link(inside(olga), olga), new_browser()
    browser.get(link)
    return filled(browser, reverse("operators:email-confirm"), LOGIN)


def new_address_in_ones_own_session() -> Form:
    olga = _operator()
    browser = inside(olga)
    browser.get(_email_link(browser, olga))
    return filled(browser, reverse("operators:email-confirm"), _page(olga))


def _page(operator: Operator) -> str:
    return operator.get_absolute_url()


def _codes() -> str:
    return reverse("twofactor:recovery-codes")


ACTS: list[Callable[[], Form]] = [
    login,
    login_that_waits_for_a_code,
    login_after_a_session_that_has_ended,
    login_in_a_used_browser,
    code,
    code_with_trust,
    recovery_code,
    setup_password,
    setup,
    invitation,
    invitation_details,
    invitation_with_a_code,
    log_out_and_accept,
    popup,
    popup_for_another,
    new_phone,
    new_recovery_codes,
    proof_before_new_recovery_codes,
    proof_before_a_page,
    code_after_a_rise_of_the_policy,
    own_reset,
    reset_of_another,
    own_password,
    adding_by_invitation,
    adding_by_hand,
    group,
    member,
    bulk,
    table,
    password_reset,
    password_reset_in_ones_own_session,
    new_address,
    new_address_in_ones_own_session,
]
