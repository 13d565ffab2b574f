"""In which one form is an email address stored and looked up, and what is wrong with one? No Django in here.

Stored is what mail servers know: a domain of ASCII letters (IDNA 2008 by UTS #46). `ana@bücher.example` and
`ana@xn--bcher-kva.example` are one address then, no address looks like another one, and Python's own encoding
of 2003, which Django mails with, has nothing left to decide: it would send ß to the mailbox of ss.
"""

import re

import idna

from accounts.text import canonical, visible

# RFC 5321, 4.5.3.1 and RFC 1035, 2.3.4
LONGEST_LOCAL = 64
LONGEST_DOMAIN = 253
LONGEST_LABEL = 63
_NAMED = re.compile(r"[^<>]*<\s*([^<>\s]+@[^<>\s]+)\s*>")
_SCHEME = "mailto:"
_SEPARATORS = ";,"


class NoDomainError(ValueError):
    """No email can be sent to a domain of that name."""


def normalize_email(email: str) -> str:
    """What is no address comes back in small letters: nobody has it, and a form says what is wrong."""
    local, at, domain = visible(canonical(email)).strip().lower().rpartition("@")
    return f"{local}{at}{_in_ascii(domain)}"


def domain_in_ascii(domain: str) -> str:
    """Raises NoDomainError; length is checked first, as the time for a label grows with its square."""
    if len(domain) > LONGEST_DOMAIN or _longest_label(domain) > LONGEST_LABEL:
        raise NoDomainError
    if domain.isascii():
        return domain.lower()
    try:
        mapped = idna.uts46_remap(domain, std3_rules=True)
        if _longest_label(mapped) > LONGEST_LABEL:
            raise NoDomainError
        name = idna.encode(mapped).decode()
    except idna.IDNAError as error:
        raise NoDomainError from error
    return name


def part_of_address(typed: str) -> str:
    """As it would stand in a stored address."""
    local, at, domain = visible(canonical(address_within(typed) or typed)).strip().lower().rpartition("@")
    labels = ".".join(_in_ascii(label) for label in domain.split("."))
    return f"{local}{at}{labels}"


def _in_ascii(domain: str) -> str:
    """Unchanged where it cannot be a domain, or a part of one."""
    try:
        return domain_in_ascii(domain)
    except NoDomainError:
        return domain


def _longest_label(domain: str) -> int:
    return max(map(len, domain.split(".")))


def address_within(typed: str) -> str:
    """Return the address in what is pasted around one; "" where there is nothing around it, or no address.

    Mail programs copy `Noor <noor@example.com>`, browsers `mailto:noor@example.com`, lists a `;` at the end.
    """
    text = typed.strip().rstrip(_SEPARATORS + " ")
    if named := _NAMED.fullmatch(text):
        text = named[1]
    if text[: len(_SCHEME)].lower() == _SCHEME:
        text = text[len(_SCHEME) :].partition("?")[0]
    return text if text != typed.strip() and text.count("@") == 1 else ""


def impossible_letter(email: str) -> str:
    """Some letters become ASCII, or match it, when letter case is ignored (U+0131, U+017F)."""
    local, _at, domain = email.rpartition("@")
    # Without an @ it may be one that only looks so, such as the full-width one.
    return next((char for char in local or domain if not char.isascii()), "")
