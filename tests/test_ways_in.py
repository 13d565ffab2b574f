"""Which places of the code sign a person in? Each stands here, so that another one cannot slip in."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, code_for, make_operator

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "invitations", "operators", "twofactor", "uptrends_2fa")
# Django's own functions and the one of ours that opens a session, and what only tests may call.
SIGN_IN = {"login", "alogin", "sign_in", "force_login"}
WAYS_IN = [
    # A right password where the policy asks for nothing more, in a trusted browser, or as set-up is put off.
    ("operators/signin.py", "_sign_in", "sign_in"),
    # A code from the app or a recovery code.
    ("twofactor/views.py", "_signed_in", "sign_in"),
    # Password and setup link, and the code that confirms the new authenticator.
    ("invitations/views.py", "_signed_in", "sign_in"),
    # An invitation.
    ("invitations/views.py", "_join", "sign_in"),
    # All of them come together here.
    ("twofactor/pending.py", "sign_in", "login"),
]


def _functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Return every function of the product with the path of its file."""
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    yield str(path.relative_to(ROOT)), node


def _called(function: ast.FunctionDef) -> Iterator[str]:
    """Return the names of what a function calls or hands on, without the modules in front."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            yield node.id
        if isinstance(node, ast.Attribute):
            yield node.attr


def test_every_place_that_signs_a_person_in_is_known():
    found = [
        (path, function.name, name)
        for path, function in _functions()
        for name in _called(function)
        if name in SIGN_IN
    ]
    assert sorted(found) == sorted(WAYS_IN)


def test_nothing_but_the_password_backend_says_who_somebody_is():
    assert settings.AUTHENTICATION_BACKENDS == ["operators.backends.PasswordBackend"]
    assert "django.contrib.admin" not in settings.INSTALLED_APPS
    authenticating = [name for name in settings.MIDDLEWARE if "auth" in name.lower()]
    assert authenticating == ["django.contrib.auth.middleware.AuthenticationMiddleware"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/",
        "//evil.example.com/",
        "////evil.example.com/",
        "/\\evil.example.com/",
        "\\\\evil.example.com/",
        "http:///evil.example.com/",
        "https:evil.example.com",
        "\t//evil.example.com/",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("enrolled", [True, False])
def test_after_a_sign_in_nobody_lands_on_another_site(account, target, enrolled):
    operator = make_operator(account, enrolled=enrolled)
    browser = Client()
    answer = browser.post(
        reverse("operators:login"), {"email": operator.email, "password": PASSWORD, "next": target}
    )
    if enrolled:
        answer = browser.post(answer.url, {"code": code_for()})
    assert answer.url == operator.get_absolute_url()
