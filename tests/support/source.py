"""The product's source, taken apart."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "invitations", "operators", "twofactor", "uptrends_2fa")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Return every module of the product with its path."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Return every function of the product with the path of its file."""
    for path, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def imported(module: ast.Module) -> Iterator[tuple[str, ast.alias]]:
    """Return what a module takes from others by name, and from where."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias) for alias in node.names)


def called(part: ast.AST) -> Iterator[str]:
    """Return the names of what a function or a module calls or hands on, without the modules in front."""
    for node in ast.walk(part):
        if isinstance(node, ast.Name):
            yield node.id
        if isinstance(node, ast.Attribute):
            yield node.attr
