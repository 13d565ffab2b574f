"""Does what docs/security.md names exist? To name a control that has gone would be worse than no page."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`([\w./]+\.(?:py|html|md)|test_\w+)`")


def test_every_file_and_test_on_the_page_exists():
    found = []
    path = ROOT
    for name in NAMED.findall(PAGE):
        if name.startswith("test_"):
            exists = path.is_file() and f"def {name}(" in path.read_text()
        else:
            path = ROOT / name
            exists = path.is_file()
        if not exists:
            found.append(f"{path.name}: {name}")
    assert not found


def test_every_requirement_of_the_two_chapters_is_answered_once():
    sizes = {"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "7.1": 3, "7.2": 4}
    sizes |= {"7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2}
    wanted = [f"{part}.{number}" for part, size in sizes.items() for number in range(1, size + 1)]
    answered = re.findall(r"^\| (\d\.\d\.\d+) \| [12] \|", PAGE, flags=re.MULTILINE)
    assert sorted(answered) == sorted(wanted)
    assert "| 6.8.1 to 6.8.4 | 2 |" in PAGE


# What asks for a document, forbids something that is not there, or is Django's or Python's own.
WITHOUT_TEST = {"6.1.1", "6.1.2", "6.1.3", "6.2.10", "6.4.2", "6.5.3", "7.1.1", "7.1.2", "7.2.2", "7.2.3"}


def test_every_requirement_that_is_met_names_a_test():
    met = re.findall(r"^\| (\d\.\d\.\d+) \| [12] \| .* \| (met.*) \|$", PAGE, flags=re.MULTILINE)
    assert {number for number, state in met if "`test_" not in state} == WITHOUT_TEST
