"""Whatever people do, in whatever order: does the product let in whom its design lets in, and nobody else?

Random steps over HTTP, in several browsers, compared after each of them with the model in
tests/support/access_model.py. The steps are the same in every run. To look for longer, with other steps
each time:

    STATEFUL_EXAMPLES=1000 STATEFUL_STEPS=80 .venv/bin/python -m pytest --no-cov tests/test_stateful.py
"""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import check_password
from django.core import mail
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account as StoredAccount
from accounts.models import Action, AuditEntry
from operators.models import Operator
from tests.support.access_model import (
    POLICY,
    WRONG_CODES_PER_SIGN_IN,
    Account,
    Link,
    Notice,
    Person,
    Session,
    Trust,
    Waiting,
    code_at,
)
from tests.support.factories import (
    PASSWORD,
    RECOVERY_CODES,
    RESET,
    SECRET,
    enroll,
    forget_tries,
    make_account,
    make_operator,
    signed_in,
)
from tests.support.flows import key_on
from twofactor.models import Authenticator

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "0"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "40"))
LOGIN = reverse("operators:login")
VERIFY = reverse("twofactor:verify")
CHECK_EMAIL = reverse("invitations:check-email")
SETUP = reverse("invitations:setup")
ACCEPT = reverse("invitations:accept")
ACCEPT_TWO_FACTOR = reverse("invitations:accept-two-factor")
OWN_SESSIONS = reverse("operators:sessions")
NEW_CODES = reverse("twofactor:recovery-codes")
ASKS_FOR_PROOF = "Confirm that it is you"
ASKS_FOR_CODE = "You logged in while no code was asked for."
MORNING = datetime(2026, 11, 24, 6, 0, 5, tzinfo=UTC)

NAMES = ("anna", "boris", "olga", "oscar", "ivo")
ADMINISTRATORS = ("anna", "boris")
BROWSERS = st.integers(0, 2)
PEOPLE = st.sampled_from(NAMES)
ANYBODY = st.sampled_from([*NAMES, "zoe"])
POLICIES = st.sampled_from(["required", "required", "optional", "disabled"])
# A right code more often than not, so that people get anywhere.
KINDS = ["right"] * 6 + ["wrong", "again", "step before", "step after", "two steps after"]
CODES = st.sampled_from(KINDS)
ANY_CODES = st.sampled_from([*KINDS, "recovery", "recovery", "used recovery"])


class Browser:
    """A browser, and what the model expects of it."""

    def __init__(self) -> None:
        self.client = Client()
        self.session: Session | None = None
        self.waiting: Waiting | None = None
        self.trusts: dict[Person, Trust] = {}
        self.opened: dict[str, Link] = {}

    def forget(self) -> None:
        """What a session held is gone with it; cookies of their own are not."""
        self.session, self.waiting, self.opened = None, None, {}


class Doors(RuleBasedStateMachine):
    """People of one account in three browsers, and somebody of another account who must not notice."""

    def __init__(self) -> None:
        super().__init__()
        self.database = transaction.atomic()
        self.database._from_testcase = True
        self.database.__enter__()
        self.clock = time_machine.travel(MORNING, tick=False)
        self.time = self.clock.start()
        self.since_morning = timedelta()
        mail.outbox.clear()
        self.mails_read = 0
        self.links: list[Link] = []
        self.notices: list[Notice] = []
        self.other_addresses: dict[str, Person] = {}
        self.newest: dict[tuple[str, Person], Link] = {}
        self.opened_with: set[tuple[object, ...]] = set()
        self.wrong_passwords = self.passwords = 0
        self.browsers = [Browser() for _ in range(3)]

    def teardown(self) -> None:
        self.clock.stop()
        transaction.set_rollback(True)
        self.database.__exit__(None, None, None)

    @property
    def now(self) -> float:
        return datetime.now(UTC).timestamp()

    # Who there is

    @initialize(
        policy=POLICIES,
        enrolled=st.lists(st.sampled_from(["anna", "boris", "olga"]), max_size=3),
        there=st.lists(PEOPLE, min_size=2, max_size=2),
        trusted_days=st.sampled_from([0, 1, 30, 30]),
    )
    def begin(self, policy, enrolled, there, trusted_days):
        self.stored = make_account(policy)
        self.people = {name: self.make(name, enrolled=name in enrolled) for name in NAMES}
        self.account = Account(list(self.people.values()), policy, trusted_days)
        StoredAccount.objects.update(trusted_browser_days=trusted_days or None)
        self.people["zoe"] = zoe = self.make("zoe", make_account("required", "Beta"), enrolled=True)
        self.zoe = zoe
        self.zoes_rows_before = self.zoes_rows()
        anna = self.people["anna"]
        first = self.browsers[0]
        first.client = signed_in(Operator.objects.get(pk=anna.pk))
        first.session = Session(anna, 0, self.now, self.now, with_code=True)
        for browser, name in zip(self.browsers[1:], there, strict=True):
            self.come_all_the_way_in(browser, self.people[name], trust=True)

    def make(self, name, account=None, *, enrolled) -> Person:
        admin, invited = name in ADMINISTRATORS, name == "ivo"
        row = make_operator(
            account or self.stored, f"{name}@example.com", name=name, administrator=admin, invited=invited
        )
        person = Person(row.email, admin, row.pk, PASSWORD, invited=invited, active=not invited)
        if enrolled:
            turn = len(name)
            person.secret, person.recovery_codes = SECRET[turn:] + SECRET[:turn], list(RECOVERY_CODES)
            enroll(row, person.secret)
        return person

    def zoes_rows(self) -> list[Any]:
        pk = self.zoe.pk
        return [
            list(Operator.objects.filter(pk=pk).values()),
            list(Authenticator.objects.filter(user=pk).values()),
            list(StoredAccount.objects.filter(operators=pk).values()),
        ]

    # What steps are made of

    def code(self, person: Person, kind: str, secret: str | None = None) -> str:
        """Return a code of a kind for a person, or of a secret that is not theirs yet."""
        step = int(self.now) // 30
        if kind == "recovery":
            return person.recovery_codes[0] if person.recovery_codes else RECOVERY_CODES[0]
        if kind == "used recovery":
            return (person.used_recovery_codes or RECOVERY_CODES)[-1]
        known = secret or person.secret or SECRET
        if kind == "right" and not secret and person.last_step >= step:
            step += 1
        shift = {"step before": -1, "step after": 1, "two steps after": 2, "wrong": 500}.get(kind, 0)
        return code_at(known, person.last_step if kind == "again" and person.last_step else step + shift)

    def take(self, person: Person, kind: str, code: str) -> bool:
        """Return whether the model takes a code or a recovery code."""
        if "recovery" in kind:
            return person.take_recovery_code(code, self.now)
        return person.take_code(code, self.now)

    def open(self, browser: Browser, person: Person, *, with_code: bool, trusted: bool = False) -> None:
        """Somebody has come in. The policy as it is now must allow just that."""
        assert person.may_sign_in
        assert (self.account.policy_of(person), person.secret) != ("required", None)
        browser.forget()
        browser.session = Session(person, person.version, self.now, self.now, with_code, trusted=trusted)
        person.signed_in += 1

    def opens_once(self, *thing: object) -> None:
        thing = (*thing, getattr(thing[0], "secret", None))
        assert thing not in self.opened_with
        self.opened_with.add(thing)

    def wait(self, browser: Browser, person: Person, step: str) -> None:
        browser.forget()
        browser.waiting = Waiting(person, step, person.version, self.now)

    def read_mails(self) -> list[Link]:
        """Take links out of new emails; a newer one kills the older."""
        found = []
        for message in mail.outbox[self.mails_read :]:
            self.read_notice(message)
            match = re.search(r"http://testserver(/([\w-]+)/\S{43}/)", str(message.body))
            if match:
                person = self.whose(message.to[0])
                link = Link(match[2], person, match[1], self.now, person.version, email=message.to[0])
                older = self.newest.get((link.purpose, person))
                same = older and older.version == person.version
                assert not (older and same) or self.now >= older.at + 60
                if older:
                    older.dead = True
                self.newest[link.purpose, person] = link
                self.links.append(link)
                found.append(link)
        self.mails_read = len(mail.outbox)
        return found

    def read_notice(self, message) -> None:
        if match := re.search(r"http://testserver(/not-me/\S+/)", str(message.body)):
            self.notices.append(Notice(self.whose(message.to[0]), match[1], self.now))

    def whose(self, address: str) -> Person:
        found = [one for one in self.account.people if one.email == address]
        return found[0] if found else self.other_addresses[address]

    def mail_is_due(self, purpose: str, person: Person) -> bool:
        """Whether no limit can be in the way. With a new version the count begins anew."""
        last = self.newest.get((purpose, person))
        return last is None or last.version != person.version or self.now >= last.at + 3600

    def expect_setup_mail(self, person: Person) -> None:
        """A setup link was asked for: it comes, unless the last one came within this minute or hour."""
        due = self.mail_is_due("setup", person)
        found = self.read_mails()
        if due:
            assert [link.person for link in found] == [person]

    def act(self, browser: Browser, url: str, data: dict[str, str] | None, kind: str = "right"):
        """Do (GET without data) what takes a fresh proof; return the answer, None where the proof failed."""
        session, client = browser.session, browser.client
        assert session
        answer = client.get(url) if data is None else client.post(url, data)
        if self.account.is_proved(session, self.now):
            assert ASKS_FOR_PROOF not in answer.text
            return answer
        assert ASKS_FOR_PROOF in answer.text
        person = session.person
        due = person.secret is not None
        code = self.code(person, kind)
        method = "GET" if data is None else "POST"
        proof = {"proof_for": method, "proof_password": person.password, **(data or {})}
        answer = client.post(url, {**proof, "proof_code": code} if due else proof)
        right = not due or self.take(person, kind, code)
        assert (ASKS_FOR_PROOF in answer.text) != right
        if not right:
            return None
        session.proved_at, session.with_code = self.now, due
        session.code_given |= due
        return answer

    def pick(self, number: int, fits: Any) -> Browser:
        """Return one of the browsers that fit, any where none does."""
        fitting = [one for one in self.browsers if fits(one)] or self.browsers
        return fitting[number % len(fitting)]

    def somebody(self, number: int) -> Browser:
        """Return a browser of an administrator, but sometimes of whoever there is."""
        return self.pick(number, self.viewer if number == 2 else self.administers)

    def viewer(self, browser: Browser) -> Person | None:
        """Return who is signed in, as the model has it."""
        session = browser.session
        return session.person if session and session.lives(self.now) else None

    def administers(self, browser: Browser) -> bool:
        viewer = self.viewer(browser)
        return bool(viewer and viewer.administrator)

    def read_recovery_codes(self, browser: Browser, person: Person) -> None:
        """Note the codes that are shown once; nobody else's are."""
        page = browser.client.get(NEW_CODES).text
        person.recovery_codes = re.findall(r"<li>((?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})</li>", page)
        assert len(person.recovery_codes) == 10

    # Signing in

    @rule(browser=BROWSERS, who=PEOPLE, right=st.sampled_from([True, True, True, False]))
    def log_in(self, browser, who, right):
        browser, person = self.browsers[browser], self.people[who]
        self.wrong_passwords += not (right and person.may_sign_in)
        if self.wrong_passwords > 8:
            return  # passwords have limits and tests of their own
        data = {"email": person.email, "password": person.password if right else "not the password"}
        forget_tries()
        answer = browser.client.post(LOGIN, data)
        if not right or not person.may_sign_in:
            assert answer.status_code == 200
            return
        self.right_password(browser, person, answer.url)

    def right_password(self, browser, person, url):
        then = self.account.after_password(person)
        trust = browser.trusts.get(person)
        trusted = then == "code" and trust is not None and trust.holds(self.account, self.now)
        if trusted:
            then = "signed in"
        if then == "signed in":
            assert url not in (VERIFY, CHECK_EMAIL)
            self.open(browser, person, with_code=False, trusted=trusted)
        elif then == "code":
            assert url == VERIFY
            self.wait(browser, person, "code")
        else:
            assert url == CHECK_EMAIL
            self.wait(browser, person, "setup")
            self.expect_setup_mail(person)

    @rule(browser=BROWSERS, who=PEOPLE, trust=st.booleans())
    def come_in(self, browser, who, trust):
        self.come_all_the_way_in(self.browsers[browser], self.people[who], trust=trust)

    @rule(browser=BROWSERS, who=st.sampled_from(["olga", "oscar"]), trust=st.booleans())
    def come_in_to_work(self, browser, who, trust):
        self.come_all_the_way_in(self.browsers[browser], self.people[who], trust=trust)

    def come_all_the_way_in(self, browser, person, *, trust):
        """Do everything right, as most people do on most days."""
        if not person.may_sign_in:
            return
        self.right_password(browser, person, self.give_password(browser, person))
        if self.takes_code(browser):
            self.until_a_code_is_right(person)
            self.type_code(browser, "right", trust=trust)
        elif browser.waiting and self.newest["setup", person].works(self.now):
            self.follow_link(browser, self.newest["setup", person])
            self.try_setup(browser, "right")

    def give_password(self, browser, person):
        forget_tries()
        return browser.client.post(LOGIN, {"email": person.email, "password": person.password}).url

    def until_a_code_is_right(self, person):
        wait = max(person.blocked_until - self.now, 30 if person.last_step >= int(self.now) // 30 else 0)
        self.pass_time(int(wait))

    @precondition(lambda self: any(one.trusts for one in self.browsers))
    @rule(browser=BROWSERS, number=st.integers(0, 4))
    def come_back(self, browser, number=0):
        """Trust is one thing that lasts; it must not last longer than it should."""
        browser = self.pick(browser, lambda one: one.trusts)
        people = [person for person in browser.trusts if person.may_sign_in]
        if people:
            person = people[number % len(people)]
            self.right_password(browser, person, self.give_password(browser, person))

    def takes_code(self, browser: Browser) -> bool:
        """Whether a waiting sign-in takes a code; the policy is read again."""
        waiting = browser.waiting
        there = waiting and waiting.step == "code" and waiting.lives(self.now)
        return bool(there and waiting and self.account.code_is_due(waiting.person))

    @precondition(lambda self: any(one.waiting for one in self.browsers))
    @rule(browser=BROWSERS, kind=ANY_CODES, trust=st.booleans())
    def give_code(self, browser, kind, trust):
        self.type_code(self.pick(browser, self.takes_code), kind, trust=trust)

    @precondition(lambda self: any(self.takes_code(one) for one in self.browsers))
    @rule(browser=BROWSERS)
    def give_wrong_codes_until_it_ends(self, browser):
        one = self.pick(browser, self.takes_code)
        for _ in range(WRONG_CODES_PER_SIGN_IN):
            self.type_code(one, "wrong")

    def type_code(self, browser, kind, *, trust=False):
        waiting = browser.waiting
        person = waiting.person if waiting else self.people["anna"]
        code = self.code(person, kind)
        url = reverse("twofactor:recover") if "recovery" in kind else VERIFY
        answer = browser.client.post(url, {"code": code, "trust": "on"} if trust else {"code": code})
        if not waiting or not self.takes_code(browser):
            assert answer.status_code == 302
            return
        taken = self.take(person, kind, code)
        waiting.tries += person.counted
        if taken:
            assert answer.url != LOGIN
            self.open(browser, person, with_code=True)
            self.opens_once(person, code if "recovery" in kind else person.last_step)
            if trust and self.account.trusted_days:
                days = self.account.trusted_days
                browser.trusts[person] = Trust(person, person.version, person.trust, self.now, days)
        elif waiting.tries >= WRONG_CODES_PER_SIGN_IN:
            assert answer.url == LOGIN
            browser.forget()
        else:
            assert answer.status_code == 200

    @rule(browser=BROWSERS, who=PEOPLE, kind=st.sampled_from(["again", "again", "used recovery"]))
    def bring_a_spent_code(self, browser, who, kind):
        """Somebody has looked over a shoulder, and knows the password."""
        browser, person = self.browsers[browser], self.people[who]
        if person.may_sign_in and self.account.code_is_due(person) and person.last_step:
            self.right_password(browser, person, self.give_password(browser, person))
            self.type_code(browser, kind)

    @rule(browser=BROWSERS)
    def log_out(self, browser):
        self.leave(self.browsers[browser])

    # Links

    @precondition(lambda self: self.links)
    @rule(browser=BROWSERS, number=st.integers(0, 100), newest=st.booleans())
    def open_link(self, browser, number, newest):
        browser = self.browsers[browser]
        link = self.links[-1] if newest else self.links[number % len(self.links)]
        self.follow_link(browser, link)

    def follow_link(self, browser, link):
        assert browser.client.get(link.path).status_code == 302
        browser.opened[link.purpose] = link

    @precondition(lambda self: any("setup" in one.opened for one in self.browsers))
    @rule(browser=BROWSERS, kind=CODES)
    def finish_setup(self, browser, kind):
        browser = self.pick(browser, lambda one: "setup" in one.opened)
        self.try_setup(browser, kind)

    def try_setup(self, browser, kind):
        link = browser.opened.get("setup")
        answer = browser.client.get(SETUP)
        if not link or not self.setup_link_works(link):
            assert answer.status_code == 410
            return
        waiting = browser.waiting
        proved = waiting and waiting.person is link.person and waiting.step == "setup"
        if not (proved and waiting and waiting.lives(self.now)):
            assert answer.url == reverse("invitations:setup-password")
            browser.client.post(answer.url, {"password": link.person.password})
            self.wait(browser, link.person, "setup")
            browser.opened["setup"] = link
        self.scan_behind_link(browser, link, kind)

    def setup_link_works(self, link: Link) -> bool:
        person = link.person
        return (
            link.works(self.now) and person.may_sign_in and not person.secret and self.account.usable(person)
        )

    def scan_behind_link(self, browser, link, kind):
        person = link.person
        secret = key_on(browser.client.get(SETUP).text)
        code = self.code(person, kind, secret)
        answer = browser.client.post(SETUP, {"code": code})
        if not person.take_new_secret(secret, code, self.now):
            assert answer.status_code == 200
            return
        assert answer.url == NEW_CODES
        link.dead = True
        self.opens_once("link", link)
        self.open(browser, person, with_code=True)
        self.opens_once(person, person.last_step)
        self.read_recovery_codes(browser, person)

    @rule(who=PEOPLE)
    def ask_for_a_new_password(self, who):
        self.forget_password(who)

    def forget_password(self, who):
        person = self.people[who]
        due = self.mail_is_due("password-reset", person)
        Client().post(reverse("operators:password-reset"), {"email": person.email})
        found = self.read_mails()
        if due:
            assert len(found) == person.has_password
        elif not person.has_password:
            assert not found
        return found

    @rule(browser=BROWSERS, who=PEOPLE, kind=ANY_CODES, come_back=st.booleans())
    def have_a_new_password(self, browser, who, kind, come_back):
        """The whole way, and back into a browser that was trusted before."""
        if found := self.forget_password(who):
            self.follow_link(self.browsers[browser], found[0])
            self.set_password(self.browsers[browser], kind)
        if come_back and any(one.trusts for one in self.browsers):
            self.come_back(browser)

    @precondition(lambda self: any("password-reset" in one.opened for one in self.browsers))
    @rule(browser=BROWSERS, kind=ANY_CODES)
    def choose_password(self, browser, kind):
        self.set_password(self.pick(browser, lambda one: "password-reset" in one.opened), kind)

    def set_password(self, browser, kind):
        link = browser.opened.get("password-reset")
        new = self.new_password()
        url = reverse("operators:password-reset-choose")
        code = self.code(link.person, kind) if link else ""
        answer = browser.client.post(url, {"new_password": new, "new_password_again": new, "code": code})
        if not link or not link.works(self.now) or not link.person.has_password:
            assert answer.status_code == 410
            return
        if link.person.secret:
            if not self.take(link.person, kind, code):
                assert answer.status_code == 200
                return
            if link.person.frozen:
                link.person.freed(self.now)
        assert (answer.status_code, answer.headers.get("Location")) == (302, LOGIN), answer.text
        self.opens_once("link", link)
        link.dead = True
        own = self.viewer(browser) is link.person
        link.person.password = new
        link.person.version += 1
        if own:
            browser.forget()

    # "This was not me"

    @precondition(lambda self: self.notices)
    @rule(number=st.integers(0, 100), newest=st.booleans(), sure=st.sampled_from([True, True, False]))
    def say_that_it_was_somebody_else(self, number, newest, sure):
        notice = self.notices[-1] if newest else self.notices[number % len(self.notices)]
        browser, counts = Client(), notice.counts(self.now)
        assert browser.get(notice.path).status_code == (200 if counts else 410)
        if not sure:
            return
        assert browser.post(notice.path).status_code == (200 if counts else 410)
        if counts and not notice.person.frozen:
            notice.person.frozen = True
            notice.person.version += 1

    @precondition(lambda self: any(one.frozen for one in self.account.people))
    @rule(browser=BROWSERS, whom=ANYBODY)
    def free(self, browser, whom):
        frozen = [name for name, one in self.people.items() if one.frozen]
        target = self.people[frozen[0] if frozen else whom]
        if self.manage(self.somebody(browser), target, "operators:free", {}) and target.frozen:
            target.freed(self.now)

    # A new address

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, kind=ANY_CODES, at_once=st.booleans())
    def move_address(self, browser, kind, at_once):
        browser = self.pick(browser, self.viewer)
        viewer = self.viewer(browser)
        if not viewer:
            return
        new = f"{self.new_password()[-3:].strip()}-{viewer.email}"
        self.other_addresses |= {new: viewer, viewer.email: viewer}
        if self.act(browser, reverse("operators:email", args=[viewer.pk]), {"email": new}, kind) is None:
            return
        found = self.read_mails()
        assert [link.email for link in found] in ([new], [])
        if found and at_once:
            self.follow_link(browser, found[0])
            self.confirm(browser)

    @precondition(lambda self: any("email" in one.opened for one in self.browsers))
    @rule(browser=BROWSERS)
    def confirm_address(self, browser):
        self.confirm(self.pick(browser, lambda one: "email" in one.opened))

    def confirm(self, browser):
        link = browser.opened.get("email")
        answer = browser.client.post(reverse("operators:email-confirm"))
        if not link or not link.works(self.now):
            assert answer.status_code == 410
            return
        assert answer.status_code == 302
        self.opens_once("link", link)
        link.dead = True
        own = self.viewer(browser) is link.person
        link.person.email = link.email
        link.person.version += 1
        if own:
            self.stays(browser, proved=False)

    def new_password(self) -> str:
        self.passwords += 1
        return f"a fine long password {self.passwords}"

    # Wrong codes in a row

    @rule(who=PEOPLE, failures=st.sampled_from([8, 98, 99]))
    def codes_were_guessed(self, who, failures):
        """As if for weeks somebody had tried codes."""
        person = self.people[who]
        if person.exists and person.secret and person.failures < failures:
            person.failures, person.blocked_until = failures, 0
            Operator.objects.filter(pk=person.pk).update(code_failures=failures, codes_blocked_until=None)

    # Invitations

    @precondition(lambda self: any(self.administers(one) for one in self.browsers))
    @rule(browser=BROWSERS, act=st.sampled_from(["invite", "resend", "resend", "withdraw"]))
    def see_to_the_invitation(self, browser, act):
        browser, ivo = self.pick(browser, self.administers), self.people["ivo"]
        if not self.administers(browser):
            return
        if act == "invite":
            data = {"name": "ivo", "email": ivo.email}
            browser.client.post(reverse("operators:invite"), data)
            if not ivo.exists:
                self.invited_again(ivo)
        elif ivo.exists:
            browser.client.post(reverse(f"operators:invitation-{act}", args=[ivo.pk]))
            if act == "withdraw" and ivo.invited:
                ivo.exists = False
                del self.people["ivo"], self.account.people[self.account.people.index(ivo)]
                self.people["ivo"] = gone = Person(ivo.email, invited=True, active=False, exists=False)
                self.account.people.append(gone)
        self.read_mails()

    def invited_again(self, ivo):
        ivo.exists = True
        ivo.pk = Operator.objects.get(email=ivo.email).pk

    @precondition(lambda self: any("invitation" in one.opened for one in self.browsers))
    @rule(browser=BROWSERS, kind=CODES, not_now=st.booleans())
    def accept_invitation(self, browser, kind, not_now):
        browser = self.pick(browser, lambda one: "invitation" in one.opened)
        link = browser.opened.get("invitation")
        if not link or not link.works(self.now) or not link.person.invited:
            assert browser.client.get(ACCEPT).status_code == 410
            return
        if self.viewer(browser):
            browser.client.post(reverse("invitations:accept-log-out"))
            browser.forget()
            browser.opened["invitation"] = link
        new = self.new_password()
        data = {"name": "Ivo", "new_password": new, "new_password_again": new}
        answer = browser.client.post(ACCEPT, data)
        ivo = link.person
        if not self.account.usable(ivo):
            self.joined(browser, link, new)
            return
        assert answer.url == ACCEPT_TWO_FACTOR
        if not_now:
            browser.client.post(ACCEPT_TWO_FACTOR, {"not_now": "1"})
            if self.account.policy_of(ivo) == "optional":
                self.joined(browser, link, new)
            return
        self.accept_with_code(browser, link, new, kind)

    def accept_with_code(self, browser, link, password, kind):
        secret = key_on(browser.client.get(ACCEPT_TWO_FACTOR, {"now": "1"}).text)
        code = self.code(link.person, kind, secret)
        browser.client.post(ACCEPT_TWO_FACTOR, {"code": code})
        if link.person.take_new_secret(secret, code, self.now):
            self.joined(browser, link, password)
            self.opens_once(link.person, link.person.last_step)
            self.read_recovery_codes(browser, link.person)

    def joined(self, browser, link, password):
        ivo = link.person
        self.opens_once("link", link)
        link.dead = True
        ivo.invited, ivo.active, ivo.password = False, True, password
        self.open(browser, ivo, with_code=ivo.secret is not None)

    # One's own page, and others'

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, whom=ANYBODY, kind=CODES)
    def scan(self, browser, whom, kind):
        browser, target = self.pick(browser, self.viewer), self.people[whom]
        viewer = self.viewer(browser)
        if not viewer or not target.pk:
            return
        url = reverse("operators:scan", args=[target.pk])
        answer = self.act(browser, url, None)
        if answer is None or not self.may_scan(viewer, target, answer):
            return
        secret = key_on(answer.text)
        code = self.code(target, kind, secret)
        answer = browser.client.post(url, {"code": code})
        if not target.take_new_secret(secret, code, self.now):
            assert answer.status_code == 200
            return
        if target is viewer:
            self.stays(browser)
            self.opens_once(target, target.last_step)
            self.read_recovery_codes(browser, target)

    def may_scan(self, viewer, target, answer) -> bool:
        if not self.account.sees(viewer, target):
            assert answer.status_code == 404
            return False
        free = not target.secret and not target.invited and self.account.usable(target)
        assert answer.status_code == (200 if free else 302)
        return free

    def stays(self, browser, *, proved=True):
        """The session in which somebody changes their own sign-in goes on."""
        session = browser.session
        assert session
        session.version = session.person.version
        if proved:
            session.proved_at, session.with_code, session.code_given = self.now, True, True

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, whom=ANYBODY)
    def reset_other(self, browser, whom):
        browser, target = self.somebody(browser), self.people[whom]
        viewer = self.viewer(browser)
        if not viewer or not target.pk or viewer is target:
            return
        answer = self.act(browser, reverse("operators:reset", args=[target.pk]), RESET)
        if answer is None:
            return
        assert answer.status_code == (302 if self.account.sees(viewer, target) else 404)
        if self.account.sees(viewer, target) and target.secret:
            target.reset()

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, kind=ANY_CODES)
    def reset_oneself(self, browser, kind):
        browser = self.pick(browser, self.viewer)
        viewer = self.viewer(browser)
        if not viewer:
            return
        code = self.code(viewer, kind)
        data = {"proof_password": viewer.password, "proof_code": code}
        browser.client.post(reverse("operators:reset", args=[viewer.pk]), data)
        if viewer.secret and self.take(viewer, kind, code):
            self.opens_once(viewer, code if "recovery" in kind else viewer.last_step)
            viewer.reset()
            self.stays(browser, proved=False)

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, kind=CODES, old_code_first=st.booleans())
    def change_phones(self, browser, kind, old_code_first):
        browser = self.pick(browser, self.viewer)
        viewer = self.viewer(browser)
        if not viewer or (answer := self.act(browser, reverse("twofactor:new-phone"), None)) is None:
            return
        if not viewer.secret:
            assert answer.status_code == 302
            return
        secret = key_on(answer.text)
        # The old phone's codes do not confirm the new one.
        code = self.code(viewer, "right") if old_code_first else self.code(viewer, kind, secret)
        answer = browser.client.post(reverse("twofactor:new-phone"), {"code": code})
        if not viewer.take_new_secret(secret, code, self.now):
            assert answer.status_code == 200
            return
        self.stays(browser)
        self.opens_once(viewer, viewer.last_step)
        self.read_recovery_codes(browser, viewer)

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, kind=ANY_CODES)
    def renew_recovery_codes(self, browser, kind):
        browser = self.pick(browser, self.viewer)
        viewer = self.viewer(browser)
        if not viewer or self.act(browser, reverse("twofactor:recovery-codes-new"), {}, kind) is None:
            return
        if viewer.secret:
            viewer.used_recovery_codes += viewer.recovery_codes
            viewer.version += 1
            self.stays(browser, proved=False)
            self.read_recovery_codes(browser, viewer)

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, kind=ANY_CODES)
    def change_password(self, browser, kind):
        browser = self.pick(browser, self.viewer)
        viewer = self.viewer(browser)
        if not viewer:
            return
        new = self.new_password()
        data = {"current_password": viewer.password, "new_password": new, "new_password_again": new}
        if self.act(browser, reverse("operators:password"), data, kind) is not None:
            viewer.password = new
            viewer.version += 1
            self.stays(browser, proved=False)

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS)
    def end_other_sessions(self, browser):
        browser = self.pick(browser, self.viewer)
        if self.viewer(browser):
            browser.client.post(reverse("operators:sessions-end-others"))
            self.end_sessions([self.viewer(browser)], here=browser)

    def end_sessions(self, people, *, here):
        for one in self.browsers:
            if one is not here and one.session and one.session.person in people:
                one.forget()

    # What administrators decide

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, policy=POLICIES, kind=ANY_CODES)
    def set_policy(self, browser, policy, kind):
        browser = self.somebody(browser)
        if not self.viewer(browser):
            return
        url, data = reverse("operators:policy-preview"), {"two_factor_policy": policy}
        page = browser.client.get(url, data)
        data["shown"] = page.context.get("shown", "") if page.context else ""
        if self.must_enroll(self.viewer(browser), policy):
            # Even with a proof there is nothing to confirm; the button is not on the page.
            assert "Set up your own first" in page.text
            return
        answer = self.act(browser, url, data, kind)
        if answer is None:
            return
        assert answer.status_code == (302 if self.administers(browser) else 403)
        if self.administers(browser):
            self.account.set_policy(policy, self.now)

    def must_enroll(self, viewer, policy):
        """Whether an administrator would require of others what they do not have themselves."""
        would_be = POLICY[policy][viewer.override] == policy == "required" != self.account.policy
        return viewer.administrator and would_be and viewer.secret is None

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, whom=ANYBODY, override=st.one_of(st.just(""), POLICIES))
    def set_override(self, browser, whom, override):
        browser, target = self.somebody(browser), self.people[whom]
        data = {"override": "on", "policy": override, "reason": "No phone"} if override else {}
        if not self.manage(browser, target, "operators:override", data) or target.method != "password":
            return
        other = target.override != override and self.is_asked_something_else(target, override)
        if other and (link := self.newest.get(("setup", target))):
            link.dead = True

    def is_asked_something_else(self, target, override):
        """Store an override; return whether it makes a difference."""
        before = self.account.policy_of(target)
        target.override = override
        target.trust += override == "disabled"
        return self.account.policy_of(target) != before

    @precondition(lambda self: any(link.purpose == "setup" for link in self.links))
    @rule(browser=BROWSERS, override=POLICIES, administrator=st.sampled_from(ADMINISTRATORS))
    def change_the_override_of_whoever_has_a_setup_link(self, browser, override, administrator):
        """And then the link is tried: an override that asks something else has made it worthless."""
        link = [one for one in self.links if one.purpose == "setup"][-1]
        target, browser = link.person, self.browsers[browser]
        self.come_all_the_way_in(browser, self.people[administrator], trust=False)
        data = {"override": "on", "policy": override, "reason": "No phone"}
        if link.works(self.now) and self.manage(browser, target, "operators:override", data):
            if target.override != override and self.is_asked_something_else(target, override):
                link.dead = True
            self.follow_link(browser, link)
            self.try_setup(browser, "right")

    def manage(self, browser, target, name, data) -> bool:
        """Do what administrators may do to operators; return whether that was allowed."""
        viewer = self.viewer(browser)
        if not viewer or not target.pk:
            return False
        answer = self.act(browser, reverse(name, args=[target.pk]), data)
        if answer is None:
            return False
        if not self.account.sees(viewer, target):
            assert answer.status_code == 404
            return False
        if not viewer.administrator:
            assert answer.status_code == 403
            return False
        return True

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, whom=ANYBODY, method=st.sampled_from(["password", "password", "single_sign_on"]))
    def set_sign_in_method(self, browser, whom, method):
        browser, target = self.somebody(browser), self.people[whom]
        data = {"sign_in_method": method}
        if not self.manage(browser, target, "operators:sign-in-method", data):
            return
        if target.invited or target.method == method or self.account.is_last_administrator(target):
            return
        target.method = method
        target.version += 1

    @precondition(lambda self: any(self.administers(one) for one in self.browsers))
    @rule(browser=BROWSERS, whom=ANYBODY, active=st.sampled_from([True, True, False]))
    def set_active(self, browser, whom, active):
        browser, target = self.somebody(browser), self.people[whom]
        viewer = self.viewer(browser)
        if not viewer or not viewer.administrator or not target.pk:
            return
        name = "operators:activate" if active else "operators:deactivate"
        answer = self.act(browser, reverse(name, args=[target.pk]), {})
        if answer is None:
            return
        assert answer.status_code == (302 if self.account.sees(viewer, target) else 404)
        if not self.account.sees(viewer, target) or target.invited or target.active == active:
            return
        if active or not self.account.is_last_administrator(target):
            target.active = active
            target.version += 1

    @precondition(lambda self: any(self.viewer(one) for one in self.browsers))
    @rule(browser=BROWSERS, whom=ANYBODY)
    def end_somebodys_sessions(self, browser, whom):
        browser, target = self.somebody(browser), self.people[whom]
        viewer = self.viewer(browser)
        if viewer is not target and self.manage(browser, target, "operators:end-sessions", {}):
            target.version += not target.invited

    @precondition(lambda self: any(self.administers(one) for one in self.browsers))
    @rule(browser=BROWSERS, days=st.sampled_from([0, 1, 30]))
    def set_trusted_days(self, browser, days):
        browser = self.pick(browser, self.administers)
        if not self.administers(browser):
            return
        data = {"trusted_browser_days": str(days or "")}
        if self.act(browser, reverse("accounts:trusted-browsers"), data) is not None:
            self.account.set_trusted_days(days, self.now)

    @precondition(lambda self: any(self.administers(one) for one in self.browsers))
    @rule(browser=BROWSERS)
    def end_unprotected_sessions(self, browser):
        browser = self.pick(browser, self.administers)
        if not self.administers(browser):
            return
        if self.act(browser, reverse("operators:end-unprotected"), {}) is not None:
            for one in self.browsers:
                if one is not browser and one.session and self.account.is_unprotected(one.session):
                    one.forget()

    @precondition(lambda self: any(self.administers(one) for one in self.browsers))
    @rule()
    def read_the_list(self):
        """What the list says is true: whoever it calls protected is asked for a code in a new browser."""
        browser = next(one for one in self.browsers if self.administers(one))
        page = browser.client.get(reverse("operators:list")).text
        rows = re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
        for person in self.account.people:
            row = next((one for one in rows if person.email in one), "")
            assert bool(row) == person.exists
            if not row:
                continue
            assert self.account.status(person) in row
            if "Protected" in row:
                login = {"email": person.email, "password": person.password}
                forget_tries()
                assert Client().post(LOGIN, login).url == VERIFY

    # Time

    @rule(seconds=st.sampled_from([31, 31, 61, 61, 301, 601, 901, 3601]))
    def time_goes_by(self, seconds):
        # Sessions end after twelve hours, and only in the night, all together.
        if self.since_morning < timedelta(hours=9):
            self.pass_time(seconds)

    def pass_time(self, seconds):
        self.read_mails()
        self.since_morning += timedelta(seconds=seconds)
        self.time.shift(seconds)

    @precondition(lambda self: self.since_morning > timedelta(hours=1))
    @rule()
    def a_night_goes_by(self):
        self.time.shift(13 * 60 * 60)
        self.since_morning = timedelta()
        for browser in self.browsers:
            browser.forget()

    # What must hold after every step

    @invariant()
    def exactly_those_are_signed_in_who_may_be(self):
        for browser in self.browsers:
            person = self.viewer(browser)
            answer = browser.client.get(OWN_SESSIONS)
            if person is None:
                assert answer.status_code == 302
                if browser.session:
                    browser.forget()
            else:
                assert answer.status_code == 200, (person, answer.url)
                assert answer.wsgi_request.user.pk == person.pk
                assert browser.session
                browser.session.seen(self.now)
                asked = self.account.lacks_code(browser.session)
                assert (ASKS_FOR_CODE in answer.text) == asked
                if asked:
                    self.give_late_code(browser, person)

    def give_late_code(self, browser, person):
        """A login now would ask for a code: nothing else is shown in this session before one is given."""
        code = self.code(person, "right")
        answer = browser.client.post(OWN_SESSIONS, {"proof_late_for": "GET", "proof_code": code})
        taken = self.take(person, "right", code)
        assert (ASKS_FOR_CODE in answer.text) != taken
        if taken:
            browser.session.code_given = browser.session.with_code = True
        else:
            self.leave(browser)

    def leave(self, browser):
        browser.client.post(reverse("operators:logout"))
        browser.forget()

    @invariant()
    def emails_are_read(self):
        self.read_mails()

    @invariant()
    def what_is_stored_is_what_was_decided(self):
        rows = Operator.objects.complete().filter(account=self.stored)
        there = {row.pk: row for row in rows}
        assert set(there) == {one.pk for one in self.account.people if one.exists}
        for person in self.account.people:
            if person.exists:
                self.compare(person, there[person.pk])
        self.stored.refresh_from_db()
        assert self.stored.two_factor_policy == self.account.policy

    def compare(self, person, row):
        authenticator = getattr(row, "authenticator", None)
        assert (authenticator and authenticator.secret) == person.secret
        assert (authenticator.recovery_codes_left if authenticator else 0) == len(person.recovery_codes)
        assert (row.two_factor_override, row.sign_in_method) == (person.override, person.method)
        assert (row.is_active, row.is_invited) == (person.active, person.invited)
        assert (row.email, bool(row.frozen_at)) == (person.email, person.frozen)
        assert (row.code_failures, row.last_code_step) == (person.failures, person.last_step)
        if not person.invited:
            assert check_password(person.password, row.password)

    @invariant()
    def every_session_was_meant_to_open(self):
        for person in self.account.people:
            entries = AuditEntry.objects.filter(subject_id=person.pk, action=Action.SIGNED_IN)
            assert entries.count() == person.signed_in

    @invariant()
    def nobody_elses_account_has_noticed(self):
        assert self.zoes_rows() == self.zoes_rows_before


@pytest.mark.thorough
def test_the_doors_open_to_whom_the_design_lets_in(db):
    quick = settings(
        max_examples=EXAMPLES or 8,
        stateful_step_count=STEPS,
        derandomize=not EXAMPLES,
        phases=[Phase.generate, *([] if os.environ.get("NOSHRINK") else [Phase.shrink])],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Doors, settings=quick)
