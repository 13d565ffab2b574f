"""What must a password be like, and is it the one that was stored?

New ones are stored in NFC (RFC 8265, 4.2.2), so that a keyboard that composes é
and one that does not type the same. Older hashes are of whatever was typed.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    NumericPasswordValidator,
    UserAttributeSimilarityValidator,
    get_default_password_validators,
)
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from accounts.person import Person

# Words that fit every installation; those of the product and of the account come to them (ASVS 5.0, 6.1.2).
CONTEXT_WORDS = ("monitoring", "operator", "administrator", "admin", "password", "login", "welcome")
SHORTEST_WORD = 4
# So many characters a password must have beside such words.
BESIDE_THEM = 6


def is_right(typed: str, matches: Callable[[str], bool]) -> bool:
    """Whether a typed password, in one of the forms that it may have been stored in, matches.

    Each takes a hash, and how many there are depends on the typed text alone: one for ASCII, as it has no
    other form. All are compared, so that time does not tell a wrong password from a missing operator.
    """
    results = [matches(each) for each in _forms_of(typed)]
    return any(results)


def _forms_of(typed: str) -> list[str]:
    forms = (unicodedata.normalize("NFC", typed), typed, unicodedata.normalize("NFD", typed))
    return list(dict.fromkeys(forms))


class ContextWordValidator:
    """Refuses what is little more than the product's or the account's name (ASVS 5.0, 6.2.11)."""

    def validate(self, password: str, user: Person | None = None) -> None:
        remainder = password.lower()
        for word in sorted(_context_words(user), key=len, reverse=True):
            remainder = remainder.replace(word, "")
        if remainder != password.lower() and len(remainder) < BESIDE_THEM:
            text = gettext("The password is little more than the name of the product or of your account.")
            raise ValidationError(text, code="context_word")

    def get_help_text(self) -> str:
        return gettext("The password must not be made of the name of the product or of your account.")


class PopularPasswordValidator(CommonPasswordValidator):
    """Refuses what many people use, also with digits and signs put before or after it (ASVS 5.0, 6.2.4)."""

    def validate(self, password: str, user: Any = None) -> None:
        # Looking behind keeps the time in proportion to the length: a try begins at the first of a row only.
        for form in (password, re.sub(r"^[\W\d_]+|(?<![\W\d_])[\W\d_]+$", "", password)):
            super().validate(form, user)


def _context_words(user: Person | None) -> set[str]:
    account = user.account.name if user is not None else ""
    names = f"{settings.PRODUCT_NAME} {settings.TWO_FACTOR_ISSUER} {account}".lower()
    return {word for word in re.findall(r"\w+", names) if len(word) >= SHORTEST_WORD} | set(CONTEXT_WORDS)


def _rules() -> SafeString:
    rules = format_html_join(
        "", "<li>{}</li>", ((_rule(each),) for each in get_default_password_validators())
    )
    return format_html("<ul>{}</ul>", rules)


def _rule(validator: Any) -> str:
    if isinstance(validator, MinimumLengthValidator):
        text = ngettext(
            "The password must have at least %d character.",
            "The password must have at least %d characters.",
            validator.min_length,
        )
        return text % validator.min_length
    sentences = {
        UserAttributeSimilarityValidator: gettext(
            "The password must not be like the name or the email address."
        ),
        PopularPasswordValidator: gettext(
            "The password must not be one that many people use, nor one with digits or signs around it."
        ),
        NumericPasswordValidator: gettext("The password must not consist of digits alone."),
    }
    return sentences.get(type(validator)) or str(validator.get_help_text())


# Lazy: forms are made before the settings' languages and validators are there.
password_rules = lazy(_rules, SafeString)
