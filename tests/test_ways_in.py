"""Every place that opens a session is known here; a new one has to be added on purpose."""

import ast
from pathlib import Path

from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
APPS = ("accounts", "twofactor", "invitations", "operators", "uptrends_2fa")
# Where a session is opened, and who asks for it: the function, by file.
OPENS = {"twofactor/pending.py: sign_in"}
ASKS = {
    "twofactor/views.py: _signed_in",  # password and code, or a recovery code
    "invitations/views.py: _signed_in",  # password, setup link and first code
    "invitations/views.py: _join",  # invitation, and where required a first code
    "operators/signin.py: after_password",  # password, where no code is due or the browser is trusted
}


def callers_of(*names: str) -> set[str]:
    """Return the functions in which something of that name is called."""
    found = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and names_called_in(function) & set(names):
                    found.add(f"{path.relative_to(ROOT)}: {function.name}")
    return found


def names_called_in(function: ast.FunctionDef) -> set[str]:
    """Return the names of what a function calls, as they are written at their end."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}


def test_one_function_opens_sessions():
    assert callers_of("login", "alogin") == OPENS


def test_exactly_these_ask_for_it():
    assert callers_of("sign_in") == ASKS


def test_nothing_else_lets_anybody_in():
    assert not apps.is_installed("django.contrib.admin")
    assert settings.AUTHENTICATION_BACKENDS == ["operators.backends.PasswordBackend"]
    assert not callers_of("force_login", "set_user", "RemoteUserMiddleware")


def test_the_search_finds_what_is_there():
    assert "twofactor/views.py: verify" in callers_of("_code_step")
