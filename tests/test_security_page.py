"""Does what docs/security.md names exist, and is nothing left out? What is gone must not be named."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`([\w./]+\.(?:py|html|md)|test_\w+)(?:: [\w, ]+)?`")
# A part of a file: `file.py: name, name` or `file.py` (`name`, `name`).
PARTS = re.compile(r"`([\w./]+\.py)(?:: ([\w, ]+)`|` \(([`\w, ]+)\))")
# Number, level, about, state.
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \|$", flags=re.MULTILINE)
# Number, what it asks for, what it would take.
BEYOND = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|\d][^|]*) \| ([^|]+) \|$", flags=re.MULTILINE)

# The requirements of OWASP ASVS 5.0.0, chapters V6, V7, V8, V11 and V16, by the level from which they hold.
LEVELS = {
    1: """
        6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 6.4.1 6.4.2
        7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2 8.3.1 11.3.1 11.3.2 11.4.1
    """,
    2: """
        6.1.2 6.1.3 6.2.9 6.2.10 6.2.11 6.2.12 6.3.3 6.3.4 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5
        6.6.1 6.6.2 6.6.3 6.8.1 6.8.2 6.8.3 6.8.4
        7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2 8.1.2 8.2.3 8.4.1
        11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.3.3 11.4.2 11.4.3 11.4.4 11.5.1 11.6.1
        16.1.1 16.2.1 16.2.2 16.2.3 16.2.4 16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3
        16.5.1 16.5.2 16.5.3
    """,
    3: """
        6.3.5 6.3.6 6.3.7 6.3.8 6.4.5 6.4.6 6.5.6 6.5.7 6.5.8 6.6.4 6.7.1 6.7.2 7.5.3
        8.1.3 8.1.4 8.2.4 8.3.2 8.3.3 8.4.2
        11.1.3 11.1.4 11.2.4 11.2.5 11.3.4 11.3.5 11.5.2 11.6.2 11.7.1 11.7.2 16.5.4
    """,
}
REQUIREMENTS = {number: level for level, numbers in LEVELS.items() for number in numbers.split()}
# Of these, level 3 asks for more than the level from which they hold.
MORE_AT_LEVEL_3 = {"6.3.3", "6.6.1", "16.3.2"}


def chapter(title: str) -> str:
    """Return the text of a chapter of the page."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


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


def test_every_part_of_a_file_on_the_page_exists():
    missing = []
    for name, after_colon, in_brackets in PARTS.findall(PAGE):
        text = (ROOT / name).read_text()
        wanted = after_colon.split(", ") if after_colon else re.findall(r"`(\w+)`", in_brackets)
        missing += [f"{name}: {each}" for each in wanted if not re.search(rf"\b{each}\b", text)]
    assert not missing


def test_every_requirement_is_answered_once_and_at_its_level():
    answered = [(number, int(level)) for number, level, _about, _state in ROW.findall(PAGE)]
    assert sorted(answered) == sorted(pair for pair in REQUIREMENTS.items() if pair[1] < 3)


def test_every_requirement_of_level_3_says_once_what_it_would_take():
    beyond = [number for number, _asks, _takes in BEYOND.findall(chapter("What level 3 asks beyond"))]
    wanted = {number for number, level in REQUIREMENTS.items() if level == 3} | MORE_AT_LEVEL_3
    assert sorted(beyond) == sorted(wanted)


def test_every_row_says_whether_it_is_met():
    states = {number: state for number, _level, _about, state in ROW.findall(PAGE)}
    vague = [
        number
        for number, state in states.items()
        if not re.match(r"met(?: |:)|\*\*deviation(?: by purpose)?\*\*:|not applicable", state)
    ]
    assert not vague


# What asks for a document, forbids what is not there, or is Django's or Python's own: a file is enough.
WITHOUT_TEST = {"6.1.1", "6.1.2", "6.2.10", "6.4.2", "6.5.3", "7.1.1", "7.1.2", "7.2.2", "7.2.3", "16.1.1"}


def test_every_requirement_that_is_met_names_a_test_or_else_a_file():
    met = {number: state for number, _level, _about, state in ROW.findall(PAGE) if state.startswith("met")}
    assert {number for number, state in met.items() if "`test_" not in state} == WITHOUT_TEST
    assert not [number for number, state in met.items() if not NAMED.search(state)]


# Cryptography

CRYPTOGRAPHY = {"cryptography", "hashlib", "hmac", "pyotp", "random", "secrets", "ssl"}
OF_DJANGO = {"django.core.signing", "django.utils.crypto", "django.contrib.auth.hashers"}


def imports_of(module: ast.Module) -> set[str]:
    """Return the full names of what a module imports, and of the modules that it imports from."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_with_cryptography_is_in_the_list():
    with_it = set()
    for app in ("accounts", "invitations", "operators", "twofactor", "uptrends_2fa"):
        for path in (ROOT / app).rglob("*.py"):
            if path.parent.name == "migrations":
                continue  # what they read was written by the others
            names = imports_of(ast.parse(path.read_text()))
            if {name.partition(".")[0] for name in names} & CRYPTOGRAPHY or names & OF_DJANGO:
                with_it.add(str(path.relative_to(ROOT)))
    listed = chapter("Keys and algorithms").split("| algorithm |")[1]
    assert set(re.findall(r"`([\w/]+\.py)`", listed)) == with_it
