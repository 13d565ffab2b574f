"""Each step of each journey that changes something: what is sent, what it leaves behind, what a retry is."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import F, Model

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from invitations import invite
from invitations.models import MINUTE, Link
from operators.models import Operator
from operators.models.session import Session
from tests.support.factories import NOBODY, PASSWORD, RESET, SECRET, code_for, make_account, make_operator
from tests.support.flows import key_on
from tests.support.mailbox import MailServer, link_in
from tests.support.visitor import Page, Visitor
from twofactor import vault
from twofactor.models import Authenticator

NEW = "seventeen green bottles"
Trap = tuple[type[Model], str]
# A session under a new key: how each act ends. The claim of the act, before it, leaves the key as it is.
NEW_KEY = "UPDATE OF session_key"


def whole(*facts: bool) -> bool:
    """Whether all of it happened; none of it may have, but not a part."""
    assert len(set(facts)) == 1, facts
    return facts[0]


class Step:
    """One thing that a person sends. Made anew, everything up to it has been done."""

    # The statements in the middle of which the worker is killed: the last one of the transaction, where there
    # is one, and the session after it.
    traps: ClassVar[list[Trap]]
    policy = Policy.OPTIONAL
    kind: ClassVar[dict[str, Any]] = {}
    starts_signed_in = False

    def __init__(self, site: str, mail: MailServer) -> None:
        self.mail = mail
        self.visitor = Visitor(site)
        self.account: Account = make_account(self.policy)
        self.operator = make_operator(self.account, **self.kind)
        self.prepare()

    def prepare(self) -> None:
        """Go as far as the form."""

    def send(self) -> Page:
        """Send the form."""
        raise NotImplementedError

    def is_done(self) -> bool:
        """Whether it has happened; fails where a part of it has."""
        raise NotImplementedError

    def try_again(self) -> None:
        """Do what a person does who saw no answer, and get there."""
        raise NotImplementedError

    # What several look at

    def now(self) -> Operator:
        return Operator.objects.get(pk=self.operator.pk)

    def authenticator(self) -> Authenticator | None:
        return Authenticator.objects.filter(user=self.operator).first()

    def was_renewed(self) -> bool:
        return self.now().session_nonce != self.operator.session_nonce

    def was_recorded(self, action: Action) -> bool:
        return AuditEntry.objects.filter(subject_id=self.operator.pk, action=action).exists()

    def link_was_spent(self, purpose: Link.Purpose) -> bool:
        return Link.objects.get(user=self.operator, purpose=purpose).spent_at is not None


class Password(Step):
    """Password, and no second factor: a session."""

    traps: ClassVar[list[Trap]] = [(Session, "INSERT")]

    def prepare(self) -> None:
        self.visitor.get("/login/")

    def send(self) -> Page:
        return self.visitor.post("/login/", email=self.operator.email, password=PASSWORD)

    def is_done(self) -> bool:
        return self.visitor.is_in()

    def try_again(self) -> None:
        self.visitor.log_in(self.operator)
        assert self.visitor.is_in()


class Code(Step):
    """The code after the password: spent, and a session."""

    traps: ClassVar[list[Trap]] = [(Operator, "UPDATE"), (Session, NEW_KEY)]
    kind: ClassVar[dict[str, Any]] = {"enrolled": True}

    def prepare(self) -> None:
        assert self.visitor.log_in(self.operator).path == "/login/code/"
        self.code = code_for(SECRET)

    def send(self) -> Page:
        return self.visitor.post("/login/code/", code=self.code)

    def is_done(self) -> bool:
        return self.now().last_code_step > 0

    def try_again(self) -> None:
        if self.is_done():
            self.send()
            assert not self.visitor.is_in(), "a code worked twice"
        page = self.visitor.get("/login/code/")
        if page.path == "/login/":
            self.visitor.log_in(self.operator)
        self.visitor.post("/login/code/", code=code_for(SECRET, 1))
        assert self.visitor.is_in()


class Enrolling(Step):
    """What all ways to an authenticator have in common."""

    key: str

    def assert_enrolled(self) -> None:
        assert self.is_done()
        authenticator = self.authenticator()
        assert authenticator
        assert vault.unseal(authenticator.sealed_secret, self.operator.pk, vault.Purpose.SECRET) == self.key
        assert self.visitor.is_in()

    def finish_again(self, page: Page) -> None:
        """Type the next code, on a page that must show the same secret as before."""
        assert key_on(page.text) == self.key
        self.visitor.post(page.path, code=code_for(self.key, 1))


class Popup(Enrolling):
    """Finish in the scan popup."""

    traps: ClassVar[list[Trap]] = [(AuditEntry, "INSERT"), (Session, NEW_KEY)]
    starts_signed_in = True

    def prepare(self) -> None:
        self.path = f"/operators/{self.operator.pk}/two-factor/scan/"
        self.visitor.open_session(self.operator)
        self.key = key_on(self.visitor.get(self.path).text)

    def send(self) -> Page:
        return self.visitor.post(self.path, code=code_for(self.key))

    def is_done(self) -> bool:
        enrolled = self.authenticator() is not None
        return whole(enrolled, self.was_renewed(), self.was_recorded(Action.TWO_FACTOR_ENROLLED))

    def try_again(self) -> None:
        page = self.visitor.get(self.path)
        if self.is_done():
            assert page.path.startswith("/login/"), "the session from before was not ended"
            self.visitor.log_in_with_code(self.operator, self.key)
        else:
            self.finish_again(page)
        self.assert_enrolled()


class SetupLink(Enrolling):
    """Finish on the page behind the setup link."""

    traps: ClassVar[list[Trap]] = [(AuditEntry, "INSERT"), (Session, NEW_KEY)]
    policy = Policy.REQUIRED

    def prepare(self) -> None:
        assert self.visitor.log_in(self.operator).path == "/login/check-email/"
        token = Link.issue(self.operator, Link.Purpose.SETUP, self.operator.email)
        self.key = key_on(self.visitor.get(f"/setup/{token}/").text)

    def send(self) -> Page:
        return self.visitor.post("/setup/", code=code_for(self.key))

    def is_done(self) -> bool:
        enrolled = self.authenticator() is not None
        return whole(enrolled, self.was_renewed(), self.link_was_spent(Link.Purpose.SETUP))

    def try_again(self) -> None:
        if self.is_done():
            self.visitor.log_in_with_code(self.operator, self.key)
        else:
            self.finish_again(self.visitor.get("/setup/"))
        self.assert_enrolled()


class Acceptance(Enrolling):
    """The last step of accepting an invitation where two-factor authentication is required."""

    traps: ClassVar[list[Trap]] = [(AuditEntry, "INSERT"), (Session, NEW_KEY)]
    policy = Policy.REQUIRED
    kind: ClassVar[dict[str, Any]] = {"invited": True}

    def prepare(self) -> None:
        link = invite.make_link(self.operator, NOBODY)
        self.visitor.get(link[link.index("/invitation/") :])
        details = {"name": "Ivo New", "new_password": NEW, "new_password_again": NEW}
        self.key = key_on(self.visitor.post("/invitation/", **details).text)

    def send(self) -> Page:
        return self.visitor.post("/invitation/two-factor/", code=code_for(self.key))

    def is_done(self) -> bool:
        person = self.now()
        return whole(
            person.is_active,
            person.has_usable_password(),
            self.authenticator() is not None,
            self.link_was_spent(Link.Purpose.INVITATION),
        )

    def try_again(self) -> None:
        if self.is_done():
            self.visitor.log_in_with_code(self.operator, self.key, NEW)
        else:
            self.finish_again(self.visitor.get("/invitation/two-factor/"))
        self.assert_enrolled()


class Reset(Step):
    """An administrator's reset."""

    traps: ClassVar[list[Trap]] = [(AuditEntry, "INSERT")]
    kind: ClassVar[dict[str, Any]] = {"enrolled": True}
    starts_signed_in = True

    def prepare(self) -> None:
        self.path = f"/operators/{self.operator.pk}/two-factor/reset/"
        self.visitor.open_session(make_operator(self.account, administrator=True))
        self.visitor.get(self.path)

    def send(self) -> Page:
        return self.visitor.post(self.path, **RESET)

    def is_done(self) -> bool:
        removed = self.authenticator() is None
        return whole(removed, self.was_renewed(), self.was_recorded(Action.TWO_FACTOR_RESET))

    def try_again(self) -> None:
        if self.visitor.get(self.path).path == self.path:
            self.send()
        assert self.is_done()


class NewPassword(Step):
    """A new password behind the mailed link."""

    traps: ClassVar[list[Trap]] = [(AuditEntry, "INSERT")]

    def prepare(self) -> None:
        token = Link.issue(self.operator, Link.Purpose.PASSWORD_RESET, self.operator.email)
        assert self.visitor.get(f"/password-reset/{token}/").path == "/password-reset/new/"

    def send(self) -> Page:
        return self.visitor.post("/password-reset/new/", new_password=NEW, new_password_again=NEW)

    def is_done(self) -> bool:
        changed = self.now().check_password(NEW)
        return whole(changed, self.was_renewed(), self.link_was_spent(Link.Purpose.PASSWORD_RESET))

    def try_again(self) -> None:
        if not self.is_done():
            self.visitor.get("/password-reset/new/")
            self.send()
        self.visitor.log_in(self.operator)
        assert not self.visitor.is_in(), "the old password still works"
        self.visitor.log_in(self.operator, NEW)
        assert self.visitor.is_in()


class Mailing(Step):
    """A step that sends a mail with a link; whatever happened, the person gets one that works."""

    purpose: Link.Purpose

    def address(self) -> str:
        return self.operator.email

    def link_works(self) -> bool:
        """Whether the newest mail holds a link that opens."""
        return Visitor(self.visitor.site).get(link_in(self.mail.newest_to(self.address()))).status == 200

    def let_a_minute_pass(self) -> None:
        """The limit of one mail a minute may be taken by one that never left."""
        Link.objects.filter(user__email=self.address()).update(sent_at=F("sent_at") - 2 * MINUTE)


class Invitation(Mailing):
    """An administrator invites somebody."""

    traps: ClassVar[list[Trap]] = [(Link, "UPDATE")]
    starts_signed_in = True

    def prepare(self) -> None:
        self.visitor.open_session(make_operator(self.account, administrator=True))
        self.visitor.get("/operators/add/invite/")

    def address(self) -> str:
        return f"ivo{self.operator.pk}@example.com"

    def invited(self) -> Operator | None:
        return Operator.objects.filter(email=self.address()).first()

    def send(self) -> Page:
        return self.visitor.post("/operators/add/invite/", name="Ivo Invited", email=self.address())

    def is_done(self) -> bool:
        return self.invited() is not None

    def try_again(self) -> None:
        self.visitor.get("/operators/add/invite/")
        if person := self.invited():
            self.let_a_minute_pass()
            self.visitor.post(f"/operators/{person.pk}/invitation/resend/")
        else:
            self.send()
        assert self.link_works()


class SetupMail(Mailing):
    """The password of somebody who must set two-factor authentication up: a mail."""

    traps: ClassVar[list[Trap]] = [(Link, "UPDATE")]
    policy = Policy.REQUIRED

    def prepare(self) -> None:
        self.visitor.get("/login/")

    def send(self) -> Page:
        return self.visitor.post("/login/", email=self.operator.email, password=PASSWORD)

    def is_done(self) -> bool:
        return bool(self.mail.to(self.operator.email))

    def try_again(self) -> None:
        self.visitor.log_in(self.operator)
        if not self.is_done():
            self.let_a_minute_pass()
            self.visitor.post("/login/check-email/send/")
        assert self.link_works()
        assert not self.visitor.is_in()


class ResetMail(Mailing):
    """Forgot password: a mail."""

    traps: ClassVar[list[Trap]] = [(Link, "UPDATE")]

    def prepare(self) -> None:
        self.visitor.get("/password-reset/")

    def send(self) -> Page:
        return self.visitor.post("/password-reset/", email=self.operator.email)

    def is_done(self) -> bool:
        return bool(self.mail.to(self.operator.email))

    def try_again(self) -> None:
        if not self.is_done():
            self.let_a_minute_pass()
            self.visitor.get("/password-reset/")
            self.send()
        assert self.link_works()


NewStep = Callable[[type[Step]], Step]
MAILING: list[type[Step]] = [Invitation, SetupMail, ResetMail]
ALL: list[type[Step]] = [Password, Code, Popup, SetupLink, Acceptance, Reset, NewPassword, *MAILING]
