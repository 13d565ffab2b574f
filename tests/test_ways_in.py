"""Which places of the code sign a person in? Each stands here, so that another one cannot slip in."""

import ast

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD, code_for, make_operator
from tests.support.source import called, functions, imported, modules

# Django's own functions and the one of ours that opens a session, and what only tests may call.
SIGN_IN = {"login", "alogin", "sign_in", "force_login"}
WAYS_IN = [
    # A right password where the policy asks for nothing more, in a trusted browser, or as set-up is put off.
    ("operators/signin/journey.py", "_sign_in", "sign_in"),
    # A code from the app or a recovery code.
    ("twofactor/views.py", "_signed_in", "sign_in"),
    # Password and setup link, and the code that confirms the new authenticator.
    ("invitations/views.py", "_signed_in", "sign_in"),
    # An invitation.
    ("invitations/views.py", "_join", "sign_in"),
    # All of them come together here.
    ("twofactor/pending.py", "sign_in", "login"),
]


# What Django keeps in a session about who is signed in: whoever writes it signs somebody in.
SESSION_KEYS = {"SESSION_KEY", "BACKEND_SESSION_KEY", "HASH_SESSION_KEY"}


def test_every_place_that_signs_a_person_in_is_known():
    found = [
        (path, function.name, name)
        for path, function in functions()
        for name in called(function)
        if name in SIGN_IN
    ]
    assert sorted(found) == sorted(WAYS_IN)


def test_none_stands_outside_of_a_function_or_goes_by_another_name():
    everywhere = [path for path, module in modules() for name in called(module) if name in SIGN_IN]
    assert sorted(everywhere) == sorted(path for path, _function, _name in WAYS_IN)
    assert not [
        (path, alias.asname)
        for path, module in modules()
        for _source, alias in imported(module)
        if alias.name in SIGN_IN and alias.asname
    ]


def test_nobody_writes_into_a_session_who_is_signed_in():
    knowing = [
        path
        for path, module in modules()
        for source, alias in imported(module)
        if source == "django.contrib.auth" and alias.name in SESSION_KEYS
    ]
    assert knowing == ["operators/signin/session_store.py"]  # it reads it
    assert not [path for path, module in modules() if "_auth_user" in ast.dump(module)]


def test_nothing_but_the_password_backend_says_who_somebody_is():
    assert settings.AUTHENTICATION_BACKENDS == ["operators.backends.PasswordBackend"]
    assert "django.contrib.admin" not in settings.INSTALLED_APPS
    authenticating = [name for name in settings.MIDDLEWARE if "auth" in name.lower()]
    assert authenticating == [
        "operators.signin.session_store.PersonAuthenticationMiddleware"
    ]  # it asks Django


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
