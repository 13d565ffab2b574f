"""The environment is read as it was meant, or refused by the name of the variable."""

import pytest

from uptrends_2fa.environment import Environment, about_database, about_email

POSTGRES = "django.db.backends.postgresql"
READ_DATABASES = {
    "postgres://user:secret@host:5432/name": ("user", "secret", "host", 5432, "name"),
    "postgresql://user:se%23cr%2Fe%25t%3F@host/name": ("user", "se#cr/e%t?", "host", "", "name"),
    "postgres://user:s@cr@t@host/name": ("user", "s@cr@t", "host", "", "name"),
    "postgres://user:s:cr+t@host/name?connect_timeout=3": ("user", "s:cr+t", "host", "", "name"),
    "postgres://user@[::1]:5433/name": ("user", "", "::1", 5433, "name"),
    "postgres://one:5432,two:5433/name": ("", "", "one,two", "5432,5433", "name"),
    "postgres:///name": ("", "", "", "", "name"),
}
REFUSED_DATABASES = [
    "postgres://user:hunter2#x@host/name",
    "postgres://user:hunter2/x@host/name",
    "postgres://user:12/hunter2@host/name",
    "postgres://user:hunter2?x@host/name",
    "postgres://user:hunter2?x=y@host/name",
    "postgres://user:hunter2%x@host/name",
    "postgres://user:hunter2%@host/name",
    "postgres://user:hunter2 x@host/name",
    "postgres://user:hunter2@host:port/name",
    "postgres://user:hunter2@host:99999/name",
    "postgres://user:hunter2@ho[st/name",
    "postgres://user:hunter2@host",
    "postgres://user:hunter2@host/",
    "postgres://user:hunter2@host/?connect_timeout=3",
    "mysql://user:hunter2@host/name",
    "hunter2@host/name",
    "sqlite://folder/hunter2",
    "sqlite:////folder/hunter2#1",
]
REFUSED_EMAILS = [
    "smtp://user:hunter2#x@host:25",
    "smtp+tls://user:hunter2/x@host:587",
    "smtp+tls://user:587/hunter2@host",
    "smtp://user:hunter2?x@host",
    "smtp://user:hunter2%x@host",
    "smtp://user:hunter2@host:port",
    "smtp://user:hunter2@host:99999",
    "smtp://user:hunter2@",
    "smtp://",
    "imap://user:hunter2@host",
]


@pytest.mark.parametrize("url", READ_DATABASES)
def test_the_address_of_a_database_is_understood(url):
    env = Environment({"URL": url})
    found = env.database("URL", {})
    assert tuple(found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == READ_DATABASES[url]
    assert found["ENGINE"] == POSTGRES
    assert env.problems == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////folder/my%20file%23.sqlite3?timeout=1", "/folder/my file#.sqlite3"),
        ("sqlite:///file", "file"),
        ("sqlite://:memory:", ":memory:"),
    ],
)
def test_the_path_of_a_file_is_understood(url, name):
    assert Environment({"URL": url}).database("URL", {})["NAME"] == name


@pytest.mark.parametrize("url", REFUSED_DATABASES)
def test_an_address_that_leads_elsewhere_is_refused_by_name_and_not_repeated(url):
    env = Environment({"THE_URL": url})
    assert env.database("THE_URL", {"NAME": "default"}) == {"NAME": "default"}
    (sentence,) = env.problems
    assert sentence.startswith("Set THE_URL ")
    assert "hunter2" not in sentence


@pytest.mark.parametrize("url", REFUSED_EMAILS)
def test_so_is_one_of_a_mail_server(url):
    env = Environment({"THE_URL": url})
    assert env.email("THE_URL", "smtp://default:25")["EMAIL_HOST"] == "default"
    (sentence,) = env.problems
    assert sentence.startswith("Set THE_URL ")
    assert "hunter2" not in sentence


def test_the_address_of_a_mail_server_is_understood():
    env = Environment({"URL": "smtp+tls://user%40example.com:se%23cr%2Fet@host:587"})
    found = env.email("URL", "consolemail://")
    names = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS")
    assert [found[name] for name in names] == ["host", 587, "user@example.com", "se#cr/et", True]
    assert about_email("URL", "consolemail://") == about_database("URL", "postgres:///name") == ""


def test_what_is_not_set_or_blank_has_its_default():
    for variables in ({}, dict.fromkeys("abcdefg", " ")):
        env = Environment(variables)
        assert env.text("a", "default") == "default"
        assert env.texts("b", ["default"]) == ["default"]
        assert env.switch("c") is False
        assert env.number("d", 60, 1, 99) == 60
        assert env.numbers("e", [1, 2], 1, 99) == [1, 2]
        assert env.database("f", {"NAME": "default"}) == {"NAME": "default"}
        assert env.choice("g", ["one", "two"], "one") == "one"
        assert env.problems == []


def test_lists_may_have_blanks_and_a_comma_at_their_end():
    assert Environment({"a": " one, two,,"}).texts("a") == ["one", "two"]
    assert Environment({"a": "1, 2"}).numbers("a", [3], 1, 9) == [1, 2]


@pytest.mark.parametrize(("text", "on"), [("on", True), ("True", True), ("OFF", False), ("0", False)])
def test_a_switch_is_on_or_off(text, on):
    assert Environment({"a": text}).switch("a") is on


@pytest.mark.parametrize("text", ["onn", "2", "-", "enabled"])
def test_a_switch_is_nothing_else(text):
    env = Environment({"THE_SWITCH": text})
    assert env.switch("THE_SWITCH") is False
    assert env.problems == ["Set THE_SWITCH to on or off."]


@pytest.mark.parametrize("text", ["0", "100", "-1", "1.5", "ten", "1 0", "٣", "9" * 5000])
def test_a_number_is_a_whole_one_between_two_others(text):
    env = Environment({"THE_NUMBER": text})
    assert env.number("THE_NUMBER", 60, 1, 99) == 60
    assert env.problems == ["Set THE_NUMBER to a whole number from 1 to 99."]


def test_a_choice_is_one_of_those_that_there_are():
    env = Environment({"THE_CHOICE": "three"})
    assert env.choice("THE_CHOICE", ["one", "two"], "one") == "one"
    assert env.problems == ["Set THE_CHOICE to one or two."]
