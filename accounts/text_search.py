"""Which rows contain a text that somebody typed, whatever its letter case and accents?"""

from functools import reduce
from operator import or_

from django.db.models import Q

from accounts.text import searchable


def contains(text: str, *keys: str) -> Q:
    wanted = searchable(text)
    return reduce(or_, (Q(**{f"{key}__contains": wanted}) for key in keys))
