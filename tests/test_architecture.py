"""Does the map of the code tell the truth? Its files and functions, its folders, and its picture."""

import re
from pathlib import Path

import pytest

from docs.draw_layers import PICTURE, picture

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("docs/architecture.md", "CONTRIBUTING.md")
FILE = re.compile(r"`([\w./]+\.(?:py|html|txt|md|toml|sql))(?:: (\w+))?`(?: \(((?:`\w+`(?:, )?)+)\))?")
FOLDER = re.compile(r"`((?:\w+/)+)`")


def named(page: str) -> list[tuple[str, list[str]]]:
    """Return the files that a page names, each with the functions and classes that it names with them."""
    return [
        (file, [name for name in (one, *re.findall(r"\w+", more)) if name])
        for file, one, more in FILE.findall((ROOT / page).read_text())
        if "/" in file
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_function_on_the_page_exists(page):
    files = named(page)
    assert files
    missing = [file for file, _names in files if not (ROOT / file).is_file()]
    assert not missing
    unknown = [
        f"{file}: {name}"
        for file, names in files
        for name in names
        if not re.search(rf"\b(def|class) {name}\b|^{name}\b", (ROOT / file).read_text(), re.MULTILINE)
    ]
    assert not unknown


@pytest.mark.parametrize("page", PAGES)
def test_every_folder_on_the_page_exists(page):
    folders = FOLDER.findall((ROOT / page).read_text())
    places = (ROOT, ROOT / "operators", ROOT / "accounts")
    assert not [folder for folder in folders if not any((place / folder).is_dir() for place in places)]


@pytest.mark.parametrize("app", ["operators", "accounts"])
def test_the_map_has_every_folder_of_the_two_large_apps(app):
    page = (ROOT / "docs" / "architecture.md").read_text()
    theirs = {path.parent.name for path in (ROOT / app).glob("*/__init__.py")}
    assert theirs - {"management", "migrations", "templatetags"} <= {
        folder.rstrip("/") for folder in FOLDER.findall(page)
    }


def test_the_picture_shows_the_contracts_as_they_are():
    assert PICTURE.read_text() == picture()
