"""Invents the many operators of a large account, for the demo and for benchmarks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from random import Random
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Account, Action, AuditEntry
from accounts.policy import Policy
from invitations.models import Link
from operators.models import Group, Membership, Operator, SubAccount
from twofactor import recovery, vault
from twofactor.code_limits import FAILURES_THAT_LOCK
from twofactor.models import Authenticator

BATCH = 2000  # people in memory at once
DAY = timedelta(days=1)

FIRST_NAMES = """
Ada Aisha Amir Ana Anders Anouk Arjun Astrid Ben Bram Carla Chen Chloé Clara Daan David Diego Elena Elif
Emma Eva Farid Femke Finn Fleur Goran Hana Hannah Hugo Ines Ivan Jana Jasper João Julia Kenji Lars Lea
Liam Lina Lotte Lucas Luis Magnus Maja Marco Maria Mateo Mei Mila Mohamed Nadia Niels Noah Nora Olivia
Omar Oscar Paula Pieter Priya Rafael Rosa Ruben Sara Sem Sofia Sven Tara Tess Thomas Tim Valentina
Victor Wei Yara Yusuf Zoë Łukasz Özge
""".split()  # noqa: SIM905  a list of words reads better as a text
LAST_NAMES = """
Aalto Almeida Andersson Bakker Becker Bianchi Bos Costa Dekker Demir Dijkstra Dubois Eriksen Fernandez
Ferrari Fischer García Haddad Hansen Hendriks Hoffmann Horvat Jacobs Jansen Janssens Jensen Johnson Kaya
Khan Kim Koning Kowalska Kumar Larsen Lefèvre Lindqvist López Martin Meijer Mendes Moreau Mulder Müller
Nguyen Nielsen Novak O'Brien Okafor Patel Peeters Petrov Popescu Rossi Sato Schmidt Schneider Silva
Singh Smit Smith Svensson Tanaka Taylor Visser Vos Wagner Walker Weber Williams Wouters Yilmaz Zhang
""".split()  # noqa: SIM905  a list of words reads better as a text
# Per cent of people in each.
GROUPS = {"Amsterdam": 20, "Berlin": 12, "Network operations": 8, "Web shop": 8, "Helpdesk": 5, "On call": 2}
SUB_ACCOUNTS = {"Retail": 10, "Logistics": 5}
# Per cent; the others have joined, are active and log in with a password.
STATES = {"invited": 3, "expired": 1, "deactivated": 4, "single sign-on": 12, "frozen": 0.1}
ENROLLED, LOCKED = 55, 0.2
OVERRIDES = {Policy.REQUIRED: 3, Policy.OPTIONAL: 2, Policy.DISABLED: 1}
REASONS = ["Shared screen in the control room", "Test robot", "Works offline", "Waits for a new phone"]
# Per cent of those who have joined: logged in within a month, and ever.
LATELY, EVER = 70, 92


@dataclass(frozen=True, slots=True)
class Place:
    account: Account
    groups: Mapping[Group, float]
    sub_accounts: Mapping[SubAccount, float]
    password: str  # one hash for all: hashing for each would take hours
    key: str
    recovery_hashes: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Person:
    operator: Operator
    groups: list[Group]
    authenticator: Authenticator | None
    link: Link | None


def fill_up(account: Account, size: int, password: str, key: str) -> int:
    """Invent people until the account has `size` operators; return how many were added.

    All have the same password and authenticator key. An empty database gets the same people each time.
    """
    missing: int = max(0, size - Operator.objects.filter(account=account).count())
    if missing:
        place = _place(account, password, key)
        # No address twice, even if some of these operators have been deleted.
        first = (Operator.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
        people = (_person(place, number) for number in range(first, first + missing))
        while batch := list(islice(people, BATCH)):
            _store(place, batch)
    return missing


def _place(account: Account, password: str, key: str) -> Place:
    groups = {Group.objects.get_or_create(account=account, name=name)[0]: n for name, n in GROUPS.items()}
    parts = {
        SubAccount.objects.get_or_create(account=account, name=name)[0]: n for name, n in SUB_ACCOUNTS.items()
    }
    hashes = recovery.hashes_of(recovery.generate(), key)
    return Place(account, groups, parts, make_password(password), key, hashes, timezone.now())


def _one_of(dice: Random, shares: Mapping[Any, float], otherwise: Any) -> Any:
    remaining = 100 - sum(shares.values())
    return dice.choices([*shares, otherwise], [*shares.values(), remaining])[0]


def _happens(dice: Random, of_a_hundred: float) -> bool:
    return dice.random() * 100 < of_a_hundred


def _person(place: Place, number: int) -> Person:
    dice = Random(number)  # noqa: S311  nothing here is secret
    state = _one_of(dice, STATES, "")
    operator = _operator(place, number, state, dice)
    _set_override(operator, place.now, dice)
    if operator.joined_at:
        _sign_in(operator, operator.joined_at, place.now, dice)
    authenticator = _authenticator(operator, place, dice) if operator.last_login else None
    groups = [group for group, share in place.groups.items() if _happens(dice, share)]
    link = _invitation(operator, place.now, expired=state == "expired") if operator.is_invited else None
    return Person(operator, groups, authenticator, link)


def _operator(place: Place, number: int, state: str, dice: Random) -> Operator:
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    ascii_name = f"{first}.{last}".lower().encode("ascii", "ignore").decode().replace("'", "")
    invited = state in {"invited", "expired"}
    method = Operator.SignInMethod
    return Operator(
        account=place.account,
        sub_account=_one_of(dice, place.sub_accounts, None),
        email=f"{ascii_name}.{number}@example.com",
        name=f"{first} {last}",
        password=make_password(None) if invited else place.password,
        is_active=not invited and state != "deactivated",
        joined_at=None if invited else place.now - DAY * dice.randrange(1, 1500),
        sign_in_method=method.SINGLE_SIGN_ON if state == "single sign-on" else method.PASSWORD,
        frozen_at=place.now - DAY if state == "frozen" else None,
    )


def _set_override(operator: Operator, now: datetime, dice: Random) -> None:
    operator.two_factor_override = _one_of(dice, OVERRIDES, "")
    if operator.two_factor_override:
        operator.override_reason, operator.override_by = dice.choice(REASONS), "The invented crowd"
        operator.override_at = now - DAY * dice.randrange(1, 200)
        operator.override_until = now + DAY * dice.randrange(-20, 60) if _happens(dice, 40) else None


def _sign_in(operator: Operator, joined: datetime, now: datetime, dice: Random) -> None:
    if _happens(dice, EVER):
        days = 30 if _happens(dice, LATELY * 100 / EVER) else 900
        operator.last_login = max(joined, now - timedelta(seconds=dice.randrange(60, days * 86_400)))


def _authenticator(operator: Operator, place: Place, dice: Random) -> Authenticator | None:
    if operator.is_single_sign_on or not _happens(dice, ENROLLED):
        return None
    if _happens(dice, LOCKED):
        operator.code_failures = FAILURES_THAT_LOCK
    operator.last_code_at = operator.last_login
    return Authenticator(
        confirmed_at=operator.joined_at or place.now,
        recovery_hashes=place.recovery_hashes,
        recovery_saved_at=operator.joined_at if _happens(dice, 90) else None,
    )


def _invitation(operator: Operator, now: datetime, *, expired: bool) -> Link:
    """The invitation's token was given to nobody."""
    made = now - DAY * (40 if expired else 2)
    return Link(
        purpose=Link.Purpose.INVITATION,
        token_hash=sha256(operator.session_nonce.encode()).hexdigest(),
        email=operator.email,
        nonce=operator.session_nonce,
        created_at=made,
        expires_at=made + DAY * 21,
        sent_at=made,
        hour_started_at=made,
        sent_in_hour=1,
    )


def _store(place: Place, people: list[Person]) -> None:
    with transaction.atomic():
        Operator.objects.bulk_create([person.operator for person in people])
        authenticators, links, members = [], [], []
        for person in people:
            members += [Membership(operator=person.operator, group=group) for group in person.groups]
            if person.authenticator:
                person.authenticator.user_id = person.operator.pk
                sealed = vault.seal(place.key, person.operator.pk, vault.Purpose.SECRET)
                person.authenticator.sealed_secret = sealed
                authenticators.append(person.authenticator)
            if person.link:
                person.link.user_id = person.operator.pk
                links.append(person.link)
        Authenticator.objects.bulk_create(authenticators)
        Link.objects.bulk_create(links)
        Membership.objects.bulk_create(members)
        AuditEntry.objects.bulk_create(_added(person.operator) for person in people)


def _added(operator: Operator) -> AuditEntry:
    return AuditEntry(
        account=operator.account,
        action=Action.OPERATOR_CREATED,
        subject_id=operator.pk,
        subject_name=str(operator),
        new=str(Group.Kind.EVERYONE.label),
    )
