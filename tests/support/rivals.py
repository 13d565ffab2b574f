"""How many do the same at once in a race, and how they are let go."""

from collections.abc import Callable
from typing import Any

RIVALS = 8


AtOnce = Callable[[list[Callable[[], Any]]], list[Any]]
