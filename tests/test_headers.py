"""Which headers does every answer carry, also those that are given early, and those that are errors?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse

from tests.support.factories import PASSWORD, make_account, make_operator
from uptrends_2fa.middleware import isolation

ROOT = Path(__file__).resolve().parent.parent
CSP = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
EXACT = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ANSWERS = {
    "a page": (200, {}),
    "a sign of life": (200, {"path": "/healthz", "headers": {"host": "127.0.0.1:8000"}}),
    "a page that asks for a sign-in": (302, {"path": "/operators/"}),
    "a page that does not exist": (404, {"path": "/nowhere/"}),
    "a link that works no more": (410, {"path": "/setup/"}),
    "an address without its slash": (301, {"path": "/login"}),
    "a NUL byte in the address": (400, {"path": "/login/?next=%00"}),
    "another site's name": (400, {"headers": {"host": "evil.example.com"}}),
    "a static file": (200, {"path": "/static/css/app.css"}),
    "a static file that does not exist": (404, {"path": "/static/css/none.css"}),
    "a method that is not allowed": (405, {"path": "/logout/"}),
}


def get(arguments):
    answer = Client(raise_request_exception=False).get(**{"path": "/login/", **arguments})
    answer.close()  # a static file is an open one
    return answer


def assert_guarded(answer):
    assert set(answer.headers["Content-Security-Policy"].split("; ")) == CSP
    assert {name: answer.headers[name] for name in EXACT} == EXACT
    for feature in ("camera", "geolocation", "microphone", "display-capture", "publickey-credentials-get"):
        assert f"{feature}=()" in answer.headers["Permissions-Policy"].split(", ")


@pytest.mark.parametrize("what", ANSWERS)
def test_every_answer_is_guarded(db, what):
    status, arguments = ANSWERS[what]
    answer = get(arguments)
    assert answer.status_code == status
    assert_guarded(answer)


@pytest.mark.parametrize("what", [what for what in ANSWERS if what != "a static file"])
def test_no_answer_but_a_static_file_may_be_kept(db, what):
    assert get(ANSWERS[what][1]).headers["Cache-Control"] == "no-store"


def test_a_static_file_may_be_kept(db):
    assert "max-age" in get(ANSWERS["a static file"][1]).headers["Cache-Control"]


def test_a_form_from_another_site_is_refused_with_all_headers(admin):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    answer = browser.post(reverse("operators:name", args=[admin.pk]))
    assert answer.status_code == 403
    assert_guarded(answer)


def test_a_mistake_of_ours_answers_with_all_headers(db, monkeypatch):
    monkeypatch.setattr("operators.signin.views.logging_in.LoginForm", lambda: 1 / 0)
    answer = get({})
    assert answer.status_code == 500
    assert_guarded(answer)
    assert "ZeroDivisionError" not in answer.text


def test_the_redirect_to_https_is_guarded_and_not_kept(db, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = get({"path": "/setup/a-token/"})
    assert answer.status_code == 301
    assert answer.headers["Location"].startswith("https://")
    assert_guarded(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers


# With an https address, settings differ from the start: asked in a process of its own.
ASK = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.test import Client
plain, safe = Client(), Client()
first = plain.get("/login/")
page = safe.get("/login/", secure=True)
print(json.dumps({
    "plain": [first.status_code, first.headers.get("Strict-Transport-Security")],
    "page": dict(page.headers),
    "static": dict(safe.get("/static/css/app.css", secure=True).headers),
    "cookies": [str(cookie) for cookie in page.cookies.values()],
    "session": [settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE],
}))
"""


def test_with_https_browsers_never_come_without_it_again():
    env = {
        "DJANGO_SETTINGS_MODULE": "uptrends_2fa.test_settings",
        "SITE_URL": "https://testserver",
        "PATH": "/usr/bin",
    }
    ran = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=env, capture_output=True, check=True)
    said = json.loads(ran.stdout)
    assert said["plain"] == [301, None]
    for what in ("page", "static"):
        assert said[what]["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    (cookie,) = said["cookies"]
    assert cookie.startswith("Set-Cookie: __Host-csrftoken=")
    for attribute in ("HttpOnly", "Secure", "Path=/", "SameSite=Lax"):
        assert attribute in cookie
    assert said["session"] == ["__Host-sessionid", True]


def test_the_cookie_of_a_session_is_kept_from_scripts_and_other_sites(db):
    operator = make_operator(make_account())
    browser = Client()
    browser.post("/login/", {"email": operator.email, "password": PASSWORD})
    cookie = browser.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]


def test_no_page_carries_a_script_or_style_of_its_own():
    # No browser shows emails under the policy.
    pages = [path for path in Path(ROOT, "templates").rglob("*.html") if "email" not in path.parts]
    assert len(pages) > 50
    for template in pages:
        text = template.read_text()
        assert "<style" not in text, template
        assert " style=" not in text, template
        assert " onclick=" not in text, template
        assert all("src=" in tag for tag in text.split("<script")[1:]), template


@pytest.mark.parametrize("status", [404, 500])
def test_djangos_own_pages_for_developers_keep_their_styles(settings, status):
    settings.DEBUG = True
    answer = isolation(lambda _request: HttpResponse(status=status))(HttpRequest())
    assert "Content-Security-Policy" not in answer.headers
    answer = isolation(lambda _request: HttpResponse())(HttpRequest())
    assert "Content-Security-Policy" in answer.headers
