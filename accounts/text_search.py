"""Which rows contain a text that somebody typed, in any letter case?"""

from functools import reduce
from operator import or_

from django.db.models import Q


def contains(text: str, *fields: str) -> Q:
    """Return the condition that one of the fields contains the text, whatever its letter case.

    SQLite knows upper and lower case of ASCII letters only: a text with others is looked for as typed
    and in the three usual spellings.
    """
    spellings = [text] if text.isascii() else sorted({text, text.lower(), text.upper(), text.title()})
    return reduce(or_, (Q(**{f"{field}__icontains": spelling}) for field in fields for spelling in spellings))
