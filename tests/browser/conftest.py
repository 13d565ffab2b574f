"""A server, a mail server and a browser for the journeys."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from accounts.models import Account
from operators.models import Operator
from tests.support.database import fresh_database, models_use
from tests.support.factories import make_account, make_operator, new_email
from tests.support.mailbox import MailServer
from tests.support.person import HEIGHT, WIDE, Person, SitDown
from tests.support.phone import Phone
from tests.support.server import Server, serve
from uptrends_2fa import settings as production_settings

CHROMIUM = "/usr/bin/chromium-headless-shell"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-proxy-server"]


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with fresh_database(folder) as url, serve(folder, url, mail_server.port) as served:
        yield served


# A playwright at work makes Django believe that an event loop runs in this thread: not beyond this folder.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _data_of_the_server(server: Server, chromium: Browser, django_db_blocker, settings) -> Iterator[None]:
    settings.PASSWORD_HASHERS = production_settings.PASSWORD_HASHERS
    with django_db_blocker.unblock(), models_use(server.database_url):
        yield


@pytest.fixture
def mail(mail_server: MailServer) -> Iterator[MailServer]:
    """The mail server, which takes mail."""
    yield mail_server
    mail_server.mode = "accept"


@pytest.fixture
def new_person(chromium: Browser, server: Server) -> Iterator[SitDown]:
    """Sits somebody down at a browser of their own; fails where a page had something to complain about."""
    people: list[Person] = []

    def sit_down() -> Person:
        context = chromium.new_context(
            viewport={"width": WIDE, "height": HEIGHT},
            reduced_motion="reduce",
            timezone_id="Europe/Amsterdam",
        )
        context.set_default_timeout(10_000)
        people.append(Person(context, server.url))
        return people[-1]

    yield sit_down
    for somebody in people:
        somebody.context.close()
    problems = [problem for somebody in people for problem in somebody.problems]
    assert not problems


@pytest.fixture
def person(new_person: SitDown) -> Person:
    return new_person()


@pytest.fixture
def phone(tmp_path) -> Phone:
    return Phone(tmp_path)


# The same people as in the other tests, but each time with new addresses: the server's data stays.


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def admin(account: Account) -> Operator:
    return make_operator(account, new_email("anna"), name="Anna Admin", administrator=True)


@pytest.fixture
def olga(account: Account) -> Operator:
    return make_operator(account, new_email("olga"), name="Olga Operator")


@pytest.fixture
def at_admin(new_person: SitDown, admin: Operator) -> Person:
    """A browser in which the administrator is signed in."""
    somebody = new_person()
    somebody.open_session(admin)
    return somebody


@pytest.fixture
def at_olga(new_person: SitDown, olga: Operator) -> Person:
    """A browser in which Olga is signed in."""
    somebody = new_person()
    somebody.open_session(olga)
    return somebody
