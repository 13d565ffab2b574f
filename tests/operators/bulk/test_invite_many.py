"""Inviting many people at once: what can be read, what is refused row by row, and what is sent."""

import html
import re
from datetime import timedelta
from operator import itemgetter
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.audit.trail import Origin
from accounts.days import server_day
from accounts.models import Action, AuditEntry
from accounts.policy import Policy
from accounts.spreadsheet import Column, csv_chunks, safe, without_guard
from operators.bulk import invitation_table, table_form, work
from operators.bulk.invitation_table import COLUMNS, read
from operators.models import Group, Operator
from operators.models.bulk import BulkAction
from operators.status.labels import group_labels, groups_in_short
from tests.support.factories import PASSWORD, make_account, make_operator, signed_in
from tests.support.invite_many import CHECK, CONFIRM, confirm
from tests.support.pages import FORM
from uptrends_2fa import settings as product_settings

ERRORS = reverse("operators:invite-many-errors")
TWO = "Ivo Invited,ivo@example.com\r\nUma Unknown,uma@example.com\r\n"


@pytest.fixture
def night_shift(account):
    return Group.objects.create(account=account, name="Night shift")


def mistakes(browser, text):
    """Return what is wrong with each row."""
    return [row.errors for row in browser.post(CHECK, {"text": text}).context["wrong"]]


def test_checking_sends_and_stores_nothing(admin_browser):
    answer = admin_browser.post(CHECK, {"text": TWO})
    assert "2 people can be invited" in answer.text
    assert "uma@example.com" in answer.text
    assert mail.outbox == []
    assert Operator.objects.count() == 1


def test_people_are_invited_once_with_groups_and_override(admin_browser, night_shift):
    text = "Ivo,IVO@example.com,night SHIFT|Administrators,required\n"
    answer = confirm(admin_browser, text)
    assert "1 of 1 done" in admin_browser.get(answer.url).text
    ivo = Operator.objects.get(email="ivo@example.com")
    assert ivo.is_invited
    assert not ivo.is_active
    assert ivo.two_factor_override == "required"
    assert set(group_labels(ivo)) == {"Administrators", "Everyone", "Night shift"}
    assert [message.to for message in mail.outbox] == [["ivo@example.com"]]


# Exceptions


WHY = "Say why this operator is asked for less than the account asks of everybody."
NO_DAY = "Write the last day like 2027-01-31, or leave it empty."


@pytest.fixture
def required(account):
    account.two_factor_policy = Policy.REQUIRED
    account.save()


def test_an_exception_has_the_reason_and_the_end_of_its_row(admin_browser, required):
    day = server_day() + timedelta(days=30)
    text = (
        f"email;name;last day;override;reason\nivo@example.com;Ivo;{day};Optional;On leave\n"
        f"uma@example.com;Uma;;Disabled;No phone\neva@example.com;Eva;{day};;On leave\n"
    )
    confirm(admin_browser, text)
    found = {one.email.split("@")[0]: one for one in Operator.objects.filter(joined_at=None)}
    assert (found["ivo"].override_reason, found["ivo"].override_last_day) == ("On leave", day)
    assert (found["uma"].override_reason, found["uma"].override_last_day) == ("No phone", None)
    # Without an override there is nothing to explain: the row is named.
    assert "eva" not in found
    page = admin_browser.get(reverse("operators:exceptions")).text
    assert page.count("On leave") == page.count("No phone") == 1
    assert "Anna Admin" in page


def test_a_row_below_the_accounts_rule_needs_a_reason_and_others_need_none(admin_browser, required):
    text = "Ivo,ivo@example.com,,optional\nUma,uma@example.com,,disabled,  \nEva,eva@example.com,,required\n"
    assert mistakes(admin_browser, text) == [[WHY], [WHY]]


def test_where_the_account_asks_for_less_no_reason_is_needed(admin_browser):
    assert mistakes(admin_browser, "Ivo,ivo@example.com,,optional\n") == []


@pytest.mark.parametrize(
    ("reason", "day", "words"),
    [
        ("x" * 255, "", "Ensure this value has at most 254 characters (it has 255)."),
        ("x\x01y", "", "Remove the control characters: this is one line of text."),
        ("On leave", "31.12.2026", NO_DAY),
        ("On leave", "12/31/2026", NO_DAY),
        ("On leave", -1, "That day is over. Choose today or a later day."),
        ("On leave", 731, "Choose a day within the next two years."),
    ],
)
@pytest.mark.usefixtures("required")
def test_reason_and_last_day_obey_the_rules_of_the_single_form(admin_browser, reason, day, words):
    if isinstance(day, int):
        day = server_day() + timedelta(days=day)
    assert mistakes(admin_browser, f"Ivo,ivo@example.com,,optional,{reason},{day}\n") == [[words]]


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        TWO.replace(",", ";"),
        TWO.replace(",", "\t"),
        "\ufeff" + TWO,
        "\n\n" + TWO + "\r\n , \r\n",
        "Name,Email\n" + TWO,
        "email;ignored;name\nivo@example.com;x;Ivo Invited\numa@example.com;;Uma Unknown",
        '"Ivo Invited","ivo@example.com"\n"Uma Unknown","uma@example.com"',
        "sep=;\r\nName;Email\r\n" + TWO.replace(",", ";"),
        '"sep=;"\n' + TWO.replace(",", ";"),
        "\ufeffSEP=|\nemail|name\nivo@example.com|Ivo Invited\numa@example.com|Uma Unknown",
    ],
)
def test_tables_of_all_usual_shapes_are_read(admin_browser, text):
    confirm(admin_browser, text)
    found = Operator.objects.filter(joined_at=None).order_by("email").values_list("name", "email")
    assert list(found) == [("Ivo Invited", "ivo@example.com"), ("Uma Unknown", "uma@example.com")]


@pytest.mark.parametrize(
    ("titles", "words"),
    [
        ("Name;E-Mail;Groups", ""),
        ("Name;E-Mail;", ""),
        ("Name;E-Mail;Gruppen", "This column is not read: Gruppen."),
        ("Vorname; E-Mail ;overide", "These columns are not read: Vorname, overide."),
    ],
)
def test_columns_without_a_meaning_are_named_before_anything_is_sent(admin_browser, titles, words):
    answer = admin_browser.post(CHECK, {"text": f"{titles}\nIvo;ivo@example.com;\n"})
    assert (words in answer.text, bool(answer.context["unread"])) == (True, bool(words))


def test_the_check_says_who_is_invited_and_how_many_bring_groups_and_an_override(admin_browser, night_shift):
    rows = "".join(f"P{number},p{number}@example.com\n" for number in range(5))
    text = f"{rows}P5,p5@example.com,night shift\nP6,p6@example.com,night shift,required\n"
    page = admin_browser.post(CHECK, {"text": text}).text
    assert "P0, P1, P2, P3, P4 and 2 more. With groups: 2. With an override: 1." in page


def test_a_name_may_hold_what_separates_the_cells(admin_browser):
    confirm(admin_browser, '"Invited; Ivo, Dr.";ivo@example.com')
    assert Operator.objects.get(email="ivo@example.com").name == "Invited; Ivo, Dr."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is nobody in it."),
        ("\n\n", "There is nobody in it."),
        ("name,email\n", "There is nobody in it."),
        ("x" * 200_000, "This is no table that can be read. Look at line 1:"),
        ('Ivo,ivo@example.com,"x\nUma,uma@example.com\n', "Look at line 1:"),
        ('name;email;note\nIvo;ivo@example.com;"x\nUma;uma@example.com;"y"\n', "Look at line 2:"),
        ('name;email;note\nIvo;ivo@example.com;"x\nUma;uma@example.com;y"\n', "Look at line 2:"),
        ('\n\n"a\nb";ivo@example.com\nUma;uma@example.com;"Night"shift\n', "Look at line 4:"),
        ("name,email,E-Mail\nIvo,ivo@example.com,\n", "Several columns mean the same: email, E-Mail."),
        ("email,reason,Reason\nivo@example.com,,\n", "Several columns mean the same: reason, Reason."),
    ],
)
def test_what_is_no_table_says_what_to_do(admin_browser, text, words):
    assert words in admin_browser.post(CHECK, {"text": text}).text
    assert words in admin_browser.post(ERRORS, {"text": text}).text


def test_too_many_rows_are_refused(admin_browser, monkeypatch):
    monkeypatch.setattr(invitation_table, "MOST_ROWS", 1)
    assert "Too many rows" in admin_browser.post(CHECK, {"text": TWO}).text


def test_every_mistake_is_named_beside_its_row(admin_browser, operator, account):
    text = (
        ",nobody@example.com\nIvo,no address\nOlga,olga@example.com\n"
        "Ivo,ivo@example.com\nIvo,IVO@example.com\nUma,uma@example.com,No such,never\n"
        "Eve,eve@example.com,Everyone"
    )
    assert mistakes(admin_browser, text) == [
        ["Type a name."],
        ["Enter a valid email address."],
        ["An operator of this account has that address already."],
        ["That address is in line 4 already."],
        [
            "There is no group “No such”.",
            "“never” is no override. Write Required, Optional or Disabled, or leave it empty.",
        ],
        ["There is no group “Everyone”."],
    ]


def test_the_good_rows_are_invited_without_the_bad_ones(admin_browser):
    confirm(admin_browser, TWO + "Nobody,\n")
    assert Operator.objects.filter(joined_at=None).count() == 2


def test_the_rows_with_mistakes_are_downloaded_safe_for_spreadsheets(admin_browser):
    text = admin_browser.post(ERRORS, {"text": TWO + "=1+1,nowhere\n"}).getvalue().decode("utf-8-sig")
    assert '"3","\'=1+1","nowhere","","","","","Enter a valid email address."' in text
    assert "ivo@example.com" not in text
    entry = AuditEntry.objects.latest("pk")
    assert entry.action == Action.EVIDENCE_EXPORTED
    assert entry.new == "Rows of a table of people that have errors; 1 row"


def test_a_file_is_read_and_its_text_stays_in_the_form(admin_browser):
    file = SimpleUploadedFile("people.csv", ("\ufeff" + TWO.replace("Ivo", "Ívó")).encode())
    answer = admin_browser.post(CHECK, {"file": file})
    assert "2 people can be invited" in answer.text
    assert "Ívó Invited,ivo@example.com" in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [("Ívó,ivo@example.com".encode("latin-1"), "The file is not in UTF-8."), (b"", "There is nobody in it.")],
)
def test_a_file_that_cannot_be_read_says_so(admin_browser, content, words):
    answer = admin_browser.post(CHECK, {"file": SimpleUploadedFile("people.csv", content)})
    assert words in answer.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_is_read_as_spreadsheets_write_it(admin_browser, encoding, delimiter):
    content = TWO.replace("Ivo", "Ívó").replace(",", delimiter).encode(encoding)
    answer = admin_browser.post(CHECK, {"file": SimpleUploadedFile("people.csv", content)})
    assert "2 people can be invited" in answer.text
    assert "Ívó Invited" in answer.text


def test_half_a_character_of_utf_16_says_so(admin_browser):
    content = TWO.encode("utf-16")[:-1]
    answer = admin_browser.post(CHECK, {"file": SimpleUploadedFile("people.csv", content)})
    assert "The file is not in UTF-8." in answer.text


def test_rows_are_counted_as_a_spreadsheet_counts_them(admin_browser):
    text = (
        'sep=,\nname,email,note\n\n"Ivo",ivo@example.com,"one\ntwo"\nNobody,nowhere,\nUma,uma@example.com,\n'
    )
    (row,) = admin_browser.post(CHECK, {"text": text}).context["wrong"]
    assert row.number == 4


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            ",,,Lost the phone,",
            ["There is a reason and no override. Write the override, or leave both empty."],
        ),
        (",,,,2999-01-31", ["There is a last day and no override. Write the override, or leave both empty."]),
        (",,,,,more", ["There is no column for “more”."]),
    ],
)
def test_nothing_is_dropped_without_a_word(admin_browser, cells, words):
    assert mistakes(admin_browser, f"Ivo,ivo@example.com{cells}") == [words]


def test_a_bar_may_stand_in_the_name_of_a_group(admin_browser, account):
    for name in ("Day | Night", "Night", "Day"):
        Group.objects.create(account=account, name=name)
    confirm(admin_browser, "Ivo,ivo@example.com,NIGHT|day | night|Day\nUma,uma@example.com,Day|Night||\n")
    ivo, uma = Operator.objects.filter(joined_at=None).complete().order_by("email")
    assert groups_in_short(ivo) == "Day, Day | Night, Night"
    assert groups_in_short(uma) == "Day, Night"


# Without the comma: a line with one and an @, within a cell, is taken for a row that was swallowed.
FORMULAS = "'=+-@;\t\r\n a\ufeff\u3000\uff1d\"|é"


@given(st.text(FORMULAS), st.text(FORMULAS), st.text(FORMULAS))
def test_what_is_downloaded_is_read_again_as_it_was(name, email, groups):
    cells = dict(zip(COLUMNS, (name, email, groups, "", "", ""), strict=True))
    titles = ["Line", "Name", "Email", "Groups", "Override", "Reason", "Last day", "What is wrong"]
    columns = [Column("", title, itemgetter(number)) for number, title in enumerate(titles)]
    table = read("".join(csv_chunks(columns, [["2", *cells.values(), "-wrong"]])))
    assert [row.cells for row in table.rows] == [{column: text.strip() for column, text in cells.items()}]
    assert (table.unread, [row.errors for row in table.rows]) == ([], [[]])


@given(st.text(FORMULAS))
def test_a_cell_without_its_guard_is_what_it_was_and_stays_safe(text):
    assert without_guard(safe(text)) == text
    assert safe(without_guard(safe(text))) == safe(text)


def test_rows_with_errors_are_mended_and_uploaded(admin_browser, account):
    Group.objects.create(account=account, name="-Night")
    wrong = (
        admin_browser.post(ERRORS, {"text": "-Jo Lind;jo@example;-Night\n'Q';q@example;\n"})
        .getvalue()
        .decode()
    )
    assert "'-Jo Lind" in wrong
    mended = wrong.replace("@example", "@example.com").replace("\ufeff", "")
    answer = admin_browser.post(CHECK, {"text": mended})
    assert answer.context["unread"] == []
    confirm(admin_browser, mended)
    jo, q = Operator.objects.filter(joined_at=None).complete().order_by("email")
    assert (jo.name, groups_in_short(jo), q.name) == ("-Jo Lind", "-Night", "'Q'")


def test_a_file_without_people_is_refused_beside_the_file(admin_browser):
    answer = admin_browser.post(CHECK, {"file": SimpleUploadedFile("people.csv", b"name,email\n")})
    assert "There is nobody in it." in str(answer.context["form"].errors["file"])


def test_a_file_that_is_too_large_is_not_read(admin_browser, monkeypatch):
    monkeypatch.setattr(table_form, "MOST_BYTES", 10)
    answer = admin_browser.post(CHECK, {"file": SimpleUploadedFile("people.csv", TWO.encode())})
    assert "The file is too large" in answer.text


def test_a_table_as_large_as_is_taken_goes_on_after_the_proof(admin, settings):
    """Encoded for an address, letters other than a to z take three times the room, or more."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    browser = signed_in(admin)
    text = "".join(f"{'亜' * 80},{name}@example.com\r\n" for name in ("ivo", "uma"))
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        page = confirm(browser, text).text
        assert "Confirm that it is you" in page
        (form,) = re.findall(rf'<form [^>]*action="{CONFIRM}"[^>]*>', page)
        names = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
        data = {**{name: html.unescape(value) for name, value in names}, "proof_password": PASSWORD}
        assert data["text"] == text
        # As browsers do it: what the form says nothing about is encoded for an address.
        if "multipart/form-data" in form:
            answer = browser.post(CONFIRM, data)
        else:
            answer = browser.post(CONFIRM, urlencode(data), content_type=FORM)
    assert answer.status_code == 302
    assert BulkAction.objects.get().items.count() == 2


def test_one_form_sent_twice_invites_once(admin_browser):
    page = admin_browser.post(CHECK, {"text": TWO}).context
    data = {"text": TWO, **{field.name: field.value() for field in page["confirmation"].hidden}}
    first = admin_browser.post(CONFIRM, data).url
    assert admin_browser.post(CONFIRM, data).url == first
    assert BulkAction.objects.count() == 1
    assert len(mail.outbox) == 2


def test_two_confirmations_that_meet_begin_one_action(account, admin):
    rows = invitation_table.read(TWO).rows
    invitation_table.check(rows, account)
    key = uuid4()
    found = {work.start_inviting(rows, account, key=key, by=Origin(admin)).pk for _ in range(2)}
    assert len(found) == 1


def test_where_the_numbers_have_changed_it_is_shown_again(admin_browser, account):
    page = admin_browser.post(CHECK, {"text": TWO}).context
    make_operator(account, "ivo@example.com")
    data = {"text": TWO, **{field.name: field.value() for field in page["confirmation"].hidden}}
    assert "Something has changed in the meantime." in admin_browser.post(CONFIRM, data).text
    assert not BulkAction.objects.exists()


def test_where_other_rows_are_right_by_now_it_is_shown_again(admin_browser, account):
    ivo = make_operator(account, "ivo@example.com")
    page = admin_browser.post(CHECK, {"text": TWO}).context
    Operator.objects.filter(pk=ivo.pk).update(email=TWO.splitlines()[1].split(",")[1])
    data = {"text": TWO, **{field.name: field.value() for field in page["confirmation"].hidden}}
    answer = admin_browser.post(CONFIRM, data)
    assert (page["good"], answer.context["good"]) == (1, 1)
    assert "Something has changed in the meantime." in answer.text
    assert not BulkAction.objects.exists()


def test_a_confirmation_without_its_hidden_parts_is_shown_again(admin_browser):
    assert "2 people can be invited" in admin_browser.post(CONFIRM, {"text": TWO}).text
    assert not BulkAction.objects.exists()


def waiting(browser, settings, text):
    """Return an action that waits for a worker."""
    settings.TASKS = {"default": {"BACKEND": product_settings.TASK_BACKENDS["database"]}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "AT_ONCE", 0)
        confirm(browser, text)
    return BulkAction.objects.get()


def outcome(action):
    work.run_batches(action.pk, 0)
    return dict(action.items.values_list("email", "reason"))


@pytest.mark.parametrize("same", [True, False])
def test_an_address_that_was_taken_meanwhile_is_left_out(admin_browser, account, settings, same):
    action = waiting(admin_browser, settings, TWO)
    make_operator(account if same else make_account(name="Other"), "ivo@example.com")
    assert outcome(action) == {"ivo@example.com": "taken" if same else "unavailable", "uma@example.com": ""}


def test_a_group_that_was_deleted_meanwhile_leaves_its_people_out(admin_browser, night_shift, settings):
    action = waiting(admin_browser, settings, "Ivo,ivo@example.com,Night shift\nUma,uma@example.com")
    night_shift.delete()
    assert outcome(action) == {"ivo@example.com": "group_gone", "uma@example.com": ""}


def test_checking_takes_the_same_queries_for_any_number_of_rows(admin_browser):
    found = []
    for number in (5, 300):
        text = "".join(f"Person,p{one}@example.com,Administrators\n" for one in range(number))
        with CaptureQueriesContext(connection) as context:
            admin_browser.post(CHECK, {"text": text})
        found.append(len(context))
    assert found[0] == found[1]
