"""A form that a script sends while somebody clicks: the first answer is given up, the browser lands."""

from django.urls import reverse

from accounts.models import Action, AuditEntry
from tests.support.factories import PASSWORD, RECOVERY_CODES, code_for, enroll

# As password managers do, with the click of the person right behind it.
TWICE = """() => {
    const form = document.querySelector("form:has([name=code], [name=password])");
    HTMLFormElement.prototype.submit.call(form);
    setTimeout(() => HTMLFormElement.prototype.submit.call(form), 20);
}"""


def lands(person, olga) -> None:
    """Signed in once, where one click lands, and still there at the next page."""
    person.is_at(olga.get_absolute_url())
    person.go("/")
    person.is_at(olga.get_absolute_url())
    entries = AuditEntry.objects.filter(subject_id=olga.pk)
    assert entries.filter(action=Action.SIGNED_IN).count() == 1
    assert not entries.filter(action=Action.CODE_FAILED).exists()


def test_a_code_that_is_sent_twice_signs_in_once(person, olga):
    enroll(olga)
    person.log_in(olga.email)
    person.fill("6-digit code", code_for())
    person.page.evaluate(TWICE)
    lands(person, olga)


def test_so_does_a_recovery_code(person, olga):
    enroll(olga)
    person.log_in(olga.email)
    person.sees("Type your code")
    person.go(reverse("twofactor:recover"))
    person.fill("Recovery code", RECOVERY_CODES[0])
    person.page.evaluate(TWICE)
    lands(person, olga)


def test_so_does_a_password(person, olga):
    person.go(reverse("operators:login"))
    person.fill("Email", olga.email)
    person.fill("Password", PASSWORD)
    person.page.evaluate(TWICE)
    lands(person, olga)
