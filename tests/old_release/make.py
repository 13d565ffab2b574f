"""Writes down the present release's database, with its people in the middle of things; no test of its own.

When a release goes out that stores something new, once for each kind of database (DATABASE_URL):

    python -m pytest --no-cov tests/old_release/make.py

It leaves `sqlite.sql` or `postgresql.sql` here, and what people hold in their hands beside it (.json).
"""

import json
import re
import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta
from typing import Any

from django.conf import settings as product
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models.outgoing_mail import OutgoingMail
from operators.bulk import work as bulk
from operators.models import Operator
from operators.overrides.exception_ends import tell_ahead
from operators.reminders import announcing, reminding
from tests.old_release import HERE, KEYS, NOW
from tests.support.database import fresh_database, models_use
from tests.support.factories import PASSWORD, RESET, code_for, confirm_data, make_account, make_operator
from tests.support.flows import key_on
from uptrends_2fa import settings as production

LINK = re.compile(r"http://testserver(/\S+/\S{20,}/)")


def test_write_it_down(tmp_path, settings, django_db_blocker, time_machine, monkeypatch):
    settings.SECRET_KEY, settings.TWO_FACTOR_KEYS = KEYS["SECRET_KEY"], KEYS["TWO_FACTOR_KEYS"]
    settings.TASKS = {"default": {"BACKEND": production.TASK_BACKENDS["database"]}}
    # Two at a time, so that few people make work that is half done.
    for work, size in ((reminding, "BATCH"), (announcing, "BATCH"), (bulk, "BATCH"), (bulk, "AT_ONCE")):
        monkeypatch.setattr(work, size, 2)
    time_machine.move_to(NOW)
    with fresh_database(tmp_path) as url, django_db_blocker.unblock(), models_use(url):
        call_command("migrate", verbosity=0)
        held = Story().tell()
        dump = of_sqlite(url) if connection.vendor == "sqlite" else of_postgresql(url)
        (HERE / f"{connection.vendor}.sql").write_text(dump)
        (HERE / f"{connection.vendor}.json").write_text(json.dumps(held, indent=1, sort_keys=True) + "\n")


class Story:
    """What the people of one account do, each up to the middle of it."""

    def __init__(self) -> None:
        self.account = make_account()
        self.account.trusted_browser_days = 30
        self.account.save()
        self.people: dict[str, Operator] = {}
        self.browsers: dict[str, Client] = {}
        self.held: dict[str, dict[str, str]] = {}

    def tell(self) -> dict[str, Any]:
        """Return the cookies of each browser, and what people hold."""
        self.sign_in()
        self.before_the_mails_leave()
        self.run_worker()
        self.open_links()
        self.begin_rounds()
        self.ask_for_emails()
        cookies = {
            name: {cookie.key: cookie.value for cookie in browser.cookies.values() if cookie.value}
            for name, browser in self.browsers.items()
        }
        return {"cookies": cookies, **self.held}

    def person(self, name: str, **fields: Any) -> Operator:
        who = make_operator(self.account, f"{name}@example.com", name=name.capitalize(), **fields)
        return self.people.setdefault(name, who)

    def browser(self, name: str) -> Client:
        return self.browsers.setdefault(name, Client())

    def post(self, name: str, page: str, /, *args: Any, **data: Any) -> None:
        answer = self.browser(name).post(reverse(page, args=args), data)
        assert answer.status_code == 302, answer.text

    def get(self, name: str, page: str, /, *args: Any, **data: Any) -> Any:
        return self.browser(name).get(reverse(page, args=args), data)

    def give_password(self, name: str) -> None:
        self.post(name, "operators:login", email=f"{name}@example.com", password=PASSWORD)

    def log_in(self, name: str, **data: str) -> None:
        self.give_password(name)
        self.post(name, "twofactor:verify", code=code_for(), **data)

    def sign_in(self) -> None:
        """Sessions of every kind."""
        self.person("anna", administrator=True, enrolled=True)
        for name in ("olga", "petra", "walter", "tina"):
            self.person(name, enrolled=True)
        for name in ("paul", "finn"):
            self.person(name)
        self.person("lena", enrolled=True, override="disabled")
        for name in ("anna", "olga", "petra"):
            self.log_in(name)
        self.log_in("tina", trust="on")
        self.post("tina", "operators:logout")
        for name in ("paul", "finn", "lena"):
            self.give_password(name)
        # A session that came without a code, of somebody who will be asked for one.
        self.post("anna", "operators:override", self.people["lena"].pk, policy="disabled")
        # New recovery codes that are shown, and not ticked as saved.
        own = self.people["finn"].pk
        key = key_on(self.get("finn", "operators:scan", own).text)
        self.post("finn", "operators:scan", own, code=code_for(key))
        page = self.get("finn", "twofactor:recovery-codes").text
        codes = re.search(r"\b[A-Z0-9]{4}(-[A-Z0-9]{4}){3}\b", page)
        assert codes, page
        self.held["recovery_codes"] = {"finn": codes[0]}

    def before_the_mails_leave(self) -> None:
        """Links that people find in their mailboxes."""
        for name in ("ivo", "ina"):
            self.post("anna", "operators:invite", name=name, email=f"{name}@example.com")
        self.person("stella", override="required")
        self.give_password("stella")
        erik = self.person("erik")
        self.post("anna", "operators:email", erik.pk, email="erik.new@example.com")

    def run_worker(self) -> None:
        while DBTaskResult.objects.ready().exists():
            call_command("worker", "--once")

    def link_to(self, address: str) -> str:
        """Return the link in the newest email to that address."""
        found = [LINK.search(str(one.body)) for one in mail.outbox if one.to == [address]]
        assert found
        assert found[-1]
        return found[-1][1]

    def open_links(self) -> None:
        """Links that are opened, and links that are not yet."""
        self.held["links"] = {
            "invitation": self.link_to("ivo@example.com"),
            "not_me": self.link_to("tina@example.com"),
        }
        self.browser("ina").get(self.link_to("ina@example.com"), follow=True)
        page = self.browser("stella").get(self.link_to("stella@example.com"), follow=True).text
        self.held["scanned"] = {"stella": key_on(page)}
        self.browser("erik").get(self.link_to("erik.new@example.com"))

    def begin_rounds(self) -> None:
        """Work on many people, of which the first have had their turn."""
        asked = [self.person(f"remy{number}", override="required") for number in range(5)]
        self.post("anna", "operators:reminders-send")
        self.run_one("remind")
        group = self.account.groups.create(name="Night shift")
        chosen = {"kind": "group", "group": group.pk, "operator": [one.pk for one in asked]}
        page = self.get("anna", "operators:bulk", **chosen).text
        self.post("anna", "operators:bulk", **chosen, **self.shown_in(page))
        self.run_one("continue_round")
        text = "".join(f"Uma,uma{number}@example.com\n" for number in range(5))
        page = self.browser("anna").post(reverse("operators:invite-many"), {"text": text}).text
        self.post("anna", "operators:invite-many-confirm", text=text, **self.shown_in(page))
        data = confirm_data(self.browser("anna"), "required")
        self.post("anna", "operators:policy-preview", **data, mail_now="on")
        self.run_one("carry_out")

    def shown_in(self, page: str) -> dict[str, str]:
        """Return what the confirmation of this preview sends."""
        fields = ("key", "counted", "shown")
        return {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in fields}

    def run_one(self, name: str) -> None:
        """Let a worker run one task."""
        row = DBTaskResult.objects.ready().get(task_path__endswith=f".{name}")
        row.task.call(*row.args_kwargs["args"])
        row.delete()

    def ask_for_emails(self) -> None:
        """One email from every template, which nobody has taken out of the queue yet."""
        new = {"new_password": "seventeen green bottles", "new_password_again": "seventeen green bottles"}
        pk = {name: one.pk for name, one in self.people.items()}
        for name in ("rita", "sara", "pam", "stan"):
            pk[name] = self.person(name, enrolled=name == "rita").pk
        self.post("petra", "operators:password", current_password=PASSWORD, **new)
        self.post("anna", "operators:reset", pk["rita"], **RESET)
        key = key_on(self.get("anna", "operators:scan", pk["sara"]).text)
        self.post("anna", "operators:scan", pk["sara"], code=code_for(key))
        self.post("anna", "operators:email", pk["paul"], email="paul.new@example.com")
        # An address of another account: its mailbox hears that it is in use.
        make_operator(make_account(name="Other"), "omar@example.com")
        self.post("anna", "operators:email", pk["olga"], email="omar@example.com")
        self.post("erik", "operators:email-confirm")
        self.post("anna", "operators:invite", name="ian", email="ian@example.com")
        self.post("pam", "operators:password-reset", email="pam@example.com")
        for name in ("walter", "stan"):
            self.give_password(name)
        self.person("dora", override="disabled", override_until=timezone.now() + timedelta(days=5))
        tell_ahead()
        folder = product.BASE_DIR / "templates"
        end = ".subject.txt"
        every = {str(path.relative_to(folder)).removesuffix(end) for path in folder.rglob(f"*{end}")}
        waiting = OutgoingMail.objects.filter(state=OutgoingMail.State.WAITING)
        assert set(waiting.values_list("template", flat=True)) == every


def of_sqlite(url: str) -> str:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        return "\n".join(database.iterdump()) + "\n"


def of_postgresql(url: str) -> str:
    """Return the dump as SQL alone, without what only one version of the server or of psql understands."""
    command = ["pg_dump", "--rows-per-insert=1000", "--no-owner", "--no-privileges", "--no-comments", url]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line for line in dump.splitlines() if line and not line.startswith(("--", "\\", "SET "))]
    return "\n".join(lines) + "\n"
