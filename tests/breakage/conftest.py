"""The product in processes of its own, a mail server, and a database that the tests may break."""

from collections.abc import Iterator

import pytest

from tests.support.database import fresh_database, models_use
from tests.support.faults import Postgres, Sqlite, faults_of
from tests.support.journeys import NewStep, Step
from tests.support.mailbox import MailServer
from tests.support.server import Server, serve
from uptrends_2fa import settings as production_settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts and stops processes."""
    for item in items:
        if "breakage" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Server]:
    # A folder for the database alone: a test takes it away.
    folder, data = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("data")
    with fresh_database(data) as url:
        # Somebody else's lock is waited for one second instead of fifteen.
        impatient = f"{url}?timeout=1" if url.startswith("sqlite") else url
        # One worker, since each one that is killed takes a second to be replaced.
        with serve(folder, impatient, mail_server.port, GUNICORN_WORKERS="1") as served:
            yield Server(served.url, url, served.log, served.pid)


@pytest.fixture
def database(server: Server) -> Postgres | Sqlite:
    """What can happen to the server's database."""
    return faults_of(server)


@pytest.fixture
def mail(mail_server: MailServer) -> Iterator[MailServer]:
    """The mail server, which takes mail."""
    yield mail_server
    mail_server.mode = "accept"


@pytest.fixture(autouse=True)
def _data_of_the_server(server: Server, django_db_blocker, settings) -> Iterator[None]:
    settings.PASSWORD_HASHERS = production_settings.PASSWORD_HASHERS
    with django_db_blocker.unblock(), models_use(server.database_url):
        yield


@pytest.fixture
def begin(server: Server, mail: MailServer) -> NewStep:
    """Brings a new person to a step."""

    def bring(kind: type[Step]) -> Step:
        return kind(server.url, mail)

    return bring
