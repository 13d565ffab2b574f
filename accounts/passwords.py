"""What must a password be like? The rules in words that fit whoever types it, for whomever it is."""

from typing import Any

from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    NumericPasswordValidator,
    UserAttributeSimilarityValidator,
    get_default_password_validators,
)
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext


def _rules() -> SafeString:
    """Return the rules of AUTH_PASSWORD_VALIDATORS as a list."""
    rules = format_html_join(
        "", "<li>{}</li>", ((_rule(each),) for each in get_default_password_validators())
    )
    return format_html("<ul>{}</ul>", rules)


def _rule(validator: Any) -> str:
    """Return one rule; Django's own sentence where it is none of those known here."""
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
        CommonPasswordValidator: gettext("The password must not be one that many people use."),
        NumericPasswordValidator: gettext("The password must not consist of digits alone."),
    }
    return sentences.get(type(validator)) or str(validator.get_help_text())


# Lazy: forms are made before the settings' languages and validators are there.
password_rules = lazy(_rules, SafeString)
