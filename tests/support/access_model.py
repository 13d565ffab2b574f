"""Who may come in, as the product's own design says it: a small model to compare the product with.

Written from the tables, not from the code, and without a line of the product: not even its arithmetic.
"""

from dataclasses import dataclass, field

import pyotp

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60

# account setting -> override -> the policy that holds
POLICY = {
    "required": {
        "": "required",
        "required": "required",
        "optional": "optional",
        "disabled": "disabled",
    },
    "optional": {
        "": "optional",
        "required": "required",
        "optional": "optional",
        "disabled": "disabled",
    },
    "disabled": {
        "": "disabled",
        "required": "disabled",
        "optional": "disabled",
        "disabled": "disabled",
    },
}
# policy, enrolled -> what a right password leads to
AFTER_PASSWORD = {
    ("required", True): "code",
    ("required", False): "setup",
    ("optional", True): "code",
    ("optional", False): "signed in",
    ("disabled", True): "signed in",
    ("disabled", False): "signed in",
    ("does not apply", True): "refused",
    ("does not apply", False): "refused",
}
LINK_LIVES = {"setup": HOUR, "invitation": 21 * DAY, "password-reset": 3 * DAY, "email": DAY}
NOTICE_LIVES = 7 * DAY
WAITING_LIVES = {"code": 10 * MINUTE, "setup": HOUR}
PROOF_LIVES = 15 * MINUTE
SESSION_LIVES = 12 * HOUR
# A session that nobody uses; when it was last seen is written down every five minutes.
IDLE, SEEN_EVERY = HOUR, 5 * MINUTE
WRONG_CODES_PER_SIGN_IN = 5


def code_at(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).at(step * 30)


@dataclass(eq=False)
class Person:
    email: str
    administrator: bool = False
    pk: int = 0
    password: str = ""
    override: str = ""
    method: str = "password"
    active: bool = True
    invited: bool = False
    exists: bool = True
    secret: str | None = None
    recovery_codes: list[str] = field(default_factory=list)
    used_recovery_codes: list[str] = field(default_factory=list)
    last_step: int = 0
    failures: int = 0
    blocked_until: float = 0
    # Whether the code that was typed last counts, in case it is wrong.
    counted: bool = True
    # Whatever ends sessions, waiting sign-ins, links and trust together makes a new version.
    version: int = 0
    # What ends trust in browsers and nothing else counts this up.
    trust: int = 0
    signed_in: int = 0
    frozen: bool = False
    freed_at: float = 0

    @property
    def has_password(self) -> bool:
        return self.exists and self.active and not self.invited and self.method == "password"

    @property
    def may_sign_in(self) -> bool:
        return self.has_password and not self.frozen

    def freed(self, now: float) -> None:
        self.frozen, self.freed_at = False, now

    def may_try(self, now: float) -> bool:
        return now >= self.blocked_until and not (self.secret and self.failures >= 100)

    def admit(self, now: float) -> bool:
        """Count a wrong code, where one may be tried."""
        self.counted = self.may_try(now)
        if not self.counted:
            return False
        self.failures += 1
        delay = min(30 * 2 ** (self.failures - 10), HOUR) if self.failures >= 10 else 0
        self.blocked_until = now + delay if delay else 0
        return True

    def take_code(self, code: str, now: float) -> bool:
        """Spend a code: this step, the one before or after, and later than every one before."""
        step = step_of(self.secret, code, now) if self.secret and self.may_try(now) else None
        if step is not None and step == self.last_step:
            self.counted = False  # it was right before
            return False
        if step is None or step < self.last_step:
            self.admit(now)
            return False
        self.accepted(step)
        return True

    def take_recovery_code(self, code: str, now: float) -> bool:
        if not self.admit(now) or code not in self.recovery_codes:
            return False
        self.recovery_codes.remove(code)
        self.used_recovery_codes.append(code)
        self.accepted(self.last_step)
        self.trust += 1
        return True

    def take_new_secret(self, secret: str, code: str, now: float) -> bool:
        """Set up an authenticator, or a new one, by the first code of its secret."""
        step = step_of(secret, code, now) if self.admit(now) else None
        if step is None:
            return False
        self.secret = secret
        self.accepted(step)
        self.used_recovery_codes += self.recovery_codes
        self.recovery_codes = []
        self.version += 1
        return True

    def accepted(self, step: int) -> None:
        self.last_step, self.failures, self.blocked_until, self.counted = step, 0, 0, True

    def reset(self) -> None:
        self.secret, self.failures, self.blocked_until = None, 0, 0
        self.used_recovery_codes += self.recovery_codes
        self.recovery_codes = []
        self.version += 1


def step_of(secret: str, code: str, now: float) -> int | None:
    step = int(now) // 30
    return next((one for one in (step, step - 1, step + 1) if code_at(secret, one) == code), None)


@dataclass(eq=False)
class Link:
    purpose: str
    person: Person
    path: str
    at: float
    version: int
    dead: bool = False
    email: str = ""

    def works(self, now: float) -> bool:
        lives = now < self.at + LINK_LIVES[self.purpose]
        return lives and not self.dead and self.person.exists and self.version == self.person.version


@dataclass
class Session:
    person: Person
    version: int
    at: float
    proved_at: float
    with_code: bool
    seen_at: float = 0
    # Whether a code was given in it at any time, and whether a trusted browser stood in for one.
    code_given: bool = False
    trusted: bool = False

    def __post_init__(self) -> None:
        self.code_given = self.with_code

    def lives(self, now: float) -> bool:
        same = self.version == self.person.version
        in_use = now < max(self.seen_at, self.at) + IDLE
        return same and in_use and self.person.may_sign_in and now < self.at + SESSION_LIVES

    def seen(self, now: float) -> None:
        if now >= max(self.seen_at, self.at) + SEEN_EVERY:
            self.seen_at = now


@dataclass(eq=False)
class Notice:
    """The link "This was not me" of a notice."""

    person: Person
    path: str
    at: float

    def counts(self, now: float) -> bool:
        return self.person.exists and now <= self.at + NOTICE_LIVES and self.person.freed_at < self.at


@dataclass
class Waiting:
    person: Person
    step: str
    version: int
    at: float
    tries: int = 0

    def lives(self, now: float) -> bool:
        same = self.version == self.person.version
        return same and self.person.may_sign_in and now < self.at + WAITING_LIVES[self.step]


@dataclass
class Trust:
    person: Person
    version: int
    epoch: int
    at: float
    days: int

    def holds(self, account: "Account", now: float) -> bool:
        same = (self.version, self.epoch) == (self.person.version, self.person.trust)
        lives = now < self.at + min(self.days, account.trusted_days) * DAY
        return same and lives and self.at > account.trust_counts_from


@dataclass(eq=False)
class Account:
    people: list[Person]
    policy: str = "optional"
    trusted_days: int = 0
    # What was trusted before has ended, whatever is set later.
    trust_counts_from: float = 0

    def set_policy(self, policy: str, now: float) -> None:
        if "disabled" in (policy, self.policy) and policy != self.policy:
            self.trust_counts_from = now
        self.policy = policy

    def set_trusted_days(self, days: int, now: float) -> None:
        if days != self.trusted_days:
            ended = now - self.trusted_days * DAY if days else now
            self.trust_counts_from = max(self.trust_counts_from, ended)
            self.trusted_days = days

    def policy_of(self, person: Person) -> str:
        return POLICY[self.policy][person.override] if person.method == "password" else "does not apply"

    def usable(self, person: Person) -> bool:
        return self.policy_of(person) in ("required", "optional")

    def after_password(self, person: Person) -> str:
        return AFTER_PASSWORD[self.policy_of(person), person.secret is not None]

    def code_is_due(self, person: Person) -> bool:
        return person.secret is not None and self.usable(person)

    def is_proved(self, session: Session, now: float) -> bool:
        """Whether a proof is fresh; with a code where there is an authenticator, also one that sleeps."""
        fresh = now < session.proved_at + PROOF_LIVES
        return fresh and (session.with_code or session.person.secret is None)

    def lacks_code(self, session: Session) -> bool:
        """Whether a login now would ask for the code that was not given in this session."""
        return self.code_is_due(session.person) and not (session.code_given or session.trusted)

    def is_unprotected(self, session: Session) -> bool:
        """Whether administrators can end it together with all others of its kind."""
        person = session.person
        return self.lacks_code(session) or (self.policy_of(person) == "required" and person.secret is None)

    def sees(self, viewer: Person, target: Person) -> bool:
        return viewer is target or (viewer.administrator and target in self.people and target.exists)

    def is_last_administrator(self, person: Person) -> bool:
        ways_in = [one for one in self.people if one.administrator and one.may_sign_in]
        return ways_in == [person]

    def status(self, person: Person) -> str:
        """What the list says."""
        if person.invited:
            return "Invited"
        if not person.active:
            return "Deactivated"
        if person.frozen:
            return "Locked"
        policy = self.policy_of(person)
        if policy in ("disabled", "does not apply"):
            return {"disabled": "Disabled", "does not apply": "Single sign-on"}[policy]
        if not person.secret:
            return f"{policy.capitalize()}, not set up"
        return "Locked" if person.failures >= 100 else "Protected"
