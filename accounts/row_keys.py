"""Keys of rows as they come from outside: what no database has as one would be an error there."""

import re
from collections.abc import Iterable

_KEY = re.compile(r"[0-9]{1,18}")


def row_key(text: str) -> int | None:
    return int(text) if _KEY.fullmatch(text) else None


def row_keys(texts: Iterable[str]) -> list[int]:
    return [int(text) for text in texts if _KEY.fullmatch(text)]
