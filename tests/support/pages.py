"""Every page with a form, opened in a browser of somebody who may use it."""

from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode
from uuid import uuid4

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.policy import Policy
from invitations import invite
from operators.models import Group, Operator, SubAccount
from operators.models.bulk import BulkAction
from tests.support.factories import NOBODY, make_account, make_operator, signed_in
from tests.support.flows import link_in_mail, log_in

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
