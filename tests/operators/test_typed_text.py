"""Names, addresses, passwords and codes as people type and paste them."""

import importlib
import re
import unicodedata
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.trail import Origin, record
from accounts.models import Account, Action, AuditEntry
from invitations.ledger import LinkRecord
from operators import emails
from operators.models import Group, Membership, Operator, SubAccount
from operators.models.bulk import BulkAction
from operators.status.labels import groups_in_short
from tests.support.factories import NOBODY, RECOVERY_CODES, code_for, enroll, make_operator, signed_in

COMPOSED = "caf\u00e9 au lait, deux fois"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
LOGIN = reverse("operators:login")


def found(browser: Client, text: str, sort: str = "") -> list[str]:
    """The names that the list shows for a search, in order."""
    page = browser.get(reverse("operators:list"), {"search": text, "sort": sort})
    return [operator.name for operator in page.context["table"].page]


def log_in(email: str, password: str) -> bool:
    """Return whether a login from a fresh browser opens a session."""
    browser = Client()
    browser.post(LOGIN, {"email": email, "password": password})
    return "_auth_user_id" in browser.session


# Passwords


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_a_password_is_right_however_its_letters_are_composed(operator, stored, typed):
    operator.set_password(stored)
    operator.save()
    assert log_in(operator.email, typed)


def test_a_half_composed_password_of_before_stays_right(operator):
    mixed = "e\u0301\u00e9 correct horse battery"
    operator.set_password(mixed)
    operator.save()
    assert log_in(operator.email, mixed)


def test_another_letter_is_another_password(operator):
    operator.set_password(COMPOSED)
    operator.save()
    assert not log_in(operator.email, COMPOSED.replace("\u00e9", "e"))


def test_a_new_password_is_stored_composed(operator, operator_browser):
    data = dict.fromkeys(("new_password", "new_password_again"), DECOMPOSED)
    operator_browser.post(
        reverse("operators:password"), {"current_password": "correct horse battery", **data}
    )
    assert Operator.objects.get(pk=operator.pk).check_password(COMPOSED)


def test_the_two_fields_of_a_new_password_may_be_typed_on_two_keyboards(operator, operator_browser):
    data = {"new_password": DECOMPOSED, "new_password_again": COMPOSED}
    operator_browser.post(
        reverse("operators:password"), {"current_password": "correct horse battery", **data}
    )
    assert Operator.objects.get(pk=operator.pk).check_password(COMPOSED)


def test_a_proof_takes_the_old_form_of_a_password(operator):
    operator.set_password(DECOMPOSED)
    operator.save()
    data = dict.fromkeys(("new_password", "new_password_again"), "another horse battery")
    browser = signed_in(operator)
    browser.post(reverse("operators:password"), {"current_password": COMPOSED, **data})
    assert Operator.objects.get(pk=operator.pk).check_password("another horse battery")


@pytest.mark.parametrize(("password", "hashes"), [("correct horse", 1), (COMPOSED, 2), ("e\u0301\u00e9", 3)])
def test_as_many_hashes_are_taken_for_nobody_as_for_somebody(operator, settings, password, hashes):
    settings.PASSWORD_HASHERS = ["tests.operators.test_typed_text.CountingHasher"]
    operator.set_password("something else")
    operator.save()
    counts = []
    for email in (operator.email, "nobody@example.com"):
        CountingHasher.taken = 0
        assert not log_in(email, password)
        counts.append(CountingHasher.taken)
    assert counts == [hashes, hashes]


class CountingHasher(importlib.import_module("django.contrib.auth.hashers").MD5PasswordHasher):  # type: ignore[misc]
    """Counts how many hashes are taken."""

    taken = 0

    def encode(self, password, salt):
        CountingHasher.taken += 1
        return super().encode(password, salt)


# Search, order, equality


@pytest.mark.parametrize(
    "text", ["renée léger", "RENÉE LÉGER", "renee leger", "Rene\u0301e Le\u0301ger", "née lé"]
)
def test_a_name_is_found_in_any_letter_case_and_with_or_without_accents(account, admin_browser, text):
    make_operator(account, name="Renée LÉGER")
    assert found(admin_browser, text) == ["Renée LÉGER"]


def test_a_changed_name_is_found_and_the_old_one_is_not(operator, operator_browser, admin_browser):
    operator_browser.post(reverse("operators:name", args=[operator.pk]), {"name": "Zoë Ödegård"})
    assert found(admin_browser, "zoe odegard") == ["Zoë Ödegård"]
    assert found(admin_browser, "olga oper") == []


def test_the_list_is_sorted_alike_on_every_database(account, admin_browser):
    names = ["Ada", "ärzte", "Öst", "Ost", "zoé", "Zoe", "Łukasz", "Lena", "İrem", "ivo", "Ñandú", "Nora"]
    for name in names:
        make_operator(account, name=name)
    expected = ["Ada", "Anna Admin", "ärzte", "İrem", "ivo", "Lena", "Łukasz", "Ñandú", "Nora"]
    expected += ["Öst", "Ost", "zoé", "Zoe"]
    assert found(admin_browser, "", "name") == expected
    assert found(admin_browser, "", "-name") == expected[::-1]


@pytest.mark.parametrize(
    "text", ["ana@bücher.example", "Bücher", "xn--bcher", "mailto:ana@xn--bcher-kva.example"]
)
def test_an_address_is_found_however_it_is_typed(account, admin_browser, text):
    make_operator(account, "ana@xn--bcher-kva.example", name="Ana Novak")
    assert found(admin_browser, text) == ["Ana Novak"]


def test_the_trail_and_the_ledger_find_names_like_the_list(account, admin, admin_browser):
    renee = make_operator(account, name="Renée LÉGER", invited=True)
    record(Action.NAME_CHANGED, by=NOBODY, subject=renee)
    LinkRecord.begin(renee, "setup", timezone.now(), timezone.now(), by="", mail=None)
    trail = admin_browser.get(reverse("accounts:audit-log"), {"search": "renee léger"})
    assert "Renée LÉGER" in trail.content.decode().partition("<tbody")[2]
    ledger = admin_browser.get(reverse("operators:links"), {"search": "RENEE LÉGER"})
    assert "Renée LÉGER" in ledger.content.decode().partition("<tbody")[2]


def test_members_of_groups_are_named_in_one_order(account, operator):
    for name in ("öst", "Ost", "Äpfel", "Zoo"):
        group = Group.objects.create(account=account, name=name)
        Membership.objects.create(group=group, operator=operator)
    assert groups_in_short(Operator.objects.complete().get(pk=operator.pk)) == "Äpfel, Ost, öst, Zoo"


# Names


@pytest.mark.parametrize("page", ["operators:invite", "operators:group-add", "operators:sub-account-add"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Noor\u200b Haddad", "U+200B ZERO WIDTH SPACE"),
        ("Noor \u2067Haddad", "U+2067 RIGHT-TO-LEFT ISOLATE"),
        ("Noor\u200e", "U+200E LEFT-TO-RIGHT MARK"),
        ("Noor" + "\u0335" * 250, "U+0335 COMBINING SHORT STROKE OVERLAY"),
        ("Noor \u0338Haddad", "U+0338 COMBINING LONG SOLIDUS OVERLAY"),
        ("Noor\x07", "Remove the control characters"),
    ],
)
def test_a_name_is_refused_with_the_character_that_is_wrong(admin_browser, page, name, said):
    assert said in admin_browser.post(reverse(page), {"name": name, "email": "noor@example.com"}).text
    assert not Operator.objects.filter(email="noor@example.com").exists()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Rene\u0301e", "Ren\u00e9e"),
        ("Noor\u00a0\u2009Haddad", "Noor Haddad"),
        (" Noor  Haddad ", "Noor Haddad"),
    ],
)
def test_a_name_is_stored_in_its_one_form(admin_browser, typed, stored):
    admin_browser.post(reverse("operators:invite"), {"name": typed, "email": "noor@example.com"})
    assert Operator.objects.get(email="noor@example.com").name == stored


def test_a_reason_is_a_line_of_which_everything_is_seen(admin_browser, operator):
    data = {"override": "on", "policy": "required", "reason": "Lost \u2066phone"}
    page = admin_browser.post(reverse("operators:override", args=[operator.pk]), data)
    assert "U+2066 LEFT-TO-RIGHT ISOLATE" in page.text


# Addresses


@pytest.mark.parametrize(
    "second", ["ana@bücher.example", "ANA@xn--bcher-kva.example", "ana@bu\u0308cher.example"]
)
def test_one_mailbox_is_one_operator(account, admin_browser, second):
    make_operator(account, "ana@xn--bcher-kva.example")
    page = admin_browser.post(reverse("operators:invite"), {"name": "Ana", "email": second})
    assert "An operator of this account has that address already." in page.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ırem@example.com", "a letter that email addresses cannot have: ı"),
        ("ſam@example.com", "a letter that email addresses cannot have: ſ"),
        ("nоor@example.com", "U+043E CYRILLIC SMALL LETTER O"),
        ("noor＠example.com", "a letter that email addresses cannot have: ＠"),
        ("noor@exam\u034fple.com", "U+034F COMBINING GRAPHEME JOINER"),
        ("Noor &lt;noor@example.com&gt;", "with nothing around it: noor@example.com"),
        ("mailto:noor@example.com", "with nothing around it: noor@example.com"),
        ("noor@example.com;", "with nothing around it: noor@example.com"),
        ("noor@i❤.example", "Check the part after the @"),
        ("a" * 65 + "@example.com", "Check the part before the @"),
    ],
)
@pytest.mark.parametrize("page", ["operators:invite", "operators:invite-many", "operators:password-reset"])
def test_the_message_says_what_is_wrong_with_an_address(admin_browser, page, typed, said):
    typed = typed.replace("&lt;", "<").replace("&gt;", ">")
    data = {"name": "Noor", "email": typed, "text": f'name;email\nNoor;"{typed}"'}
    assert said in admin_browser.post(reverse(page), data).text
    assert Operator.objects.count() == 1


@pytest.mark.parametrize(
    "typed",
    ["ana@bücher.example", "Ana@BÜCHER.example", " ana@xn--bcher-kva.example", "ana\u200b@bücher.example"],
)
def test_the_login_form_finds_an_address_however_it_is_typed(account, typed):
    make_operator(account, "ana@xn--bcher-kva.example")
    assert log_in(typed, "correct horse battery")


def test_a_reset_link_goes_to_an_address_however_it_is_typed(account, mailoutbox):
    make_operator(account, "ana@xn--bcher-kva.example")
    Client().post(reverse("operators:password-reset"), {"email": "Ana@Bücher.example"})
    assert [mail.to for mail in mailoutbox] == [["ana@xn--bcher-kva.example"]]


def test_commands_find_an_address_however_it_is_typed(account, capsys):
    make_operator(account, "ana@xn--bcher-kva.example", enrolled=True)
    call_command("reset_two_factor", "Ana@Bücher.example", "--reason", "Lost the phone")
    assert "Reset." in capsys.readouterr().out
    assert Operator.objects.get_by_natural_key("ana@bücher.example").email == "ana@xn--bcher-kva.example"
    with pytest.raises(Operator.DoesNotExist):
        Operator.objects.get_by_natural_key("bo@bücher.example")


def test_an_account_is_named_by_the_rules_of_every_name(db, capsys):
    with pytest.raises(CommandError, match=r"U\+200B ZERO WIDTH SPACE"):
        call_command("create_account", "Ac\u200bme", "--admin", "anna@example.com")
    call_command("create_account", "Ame\u0301lie", "--admin", "anna@example.com")
    capsys.readouterr()
    call_command("two_factor", "status", "--account", "Am\u00e9lie")
    assert "Am\u00e9lie" in capsys.readouterr().out


def test_deleting_takes_a_name_however_its_letters_are_composed(account, admin_browser):
    renee = make_operator(account, name="Ren\u00e9e")
    admin_browser.post(reverse("operators:delete", args=[renee.pk]), {"name": "Rene\u0301e"})
    assert not Operator.objects.filter(pk=renee.pk).exists()


# Codes


@pytest.mark.parametrize("form", ["{0}\u2013{1}.", "\u200e{0}\u200b{1}", "{0}_{1}", "1. {0}{1}"])
def test_a_code_is_taken_as_it_is_pasted(operator, form):
    enrolled = make_operator(operator.account, "eva@example.com", enrolled=True)
    browser = Client()
    browser.post(LOGIN, {"email": enrolled.email, "password": "correct horse battery"})
    code = code_for()
    browser.post(reverse("twofactor:verify"), {"code": form.format(code[:3], code[3:])})
    assert "_auth_user_id" in browser.session


def test_full_width_digits_are_digits(operator):
    enrolled = make_operator(operator.account, "eva@example.com", enrolled=True)
    browser = Client()
    browser.post(LOGIN, {"email": enrolled.email, "password": "correct horse battery"})
    code = code_for().translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    browser.post(reverse("twofactor:verify"), {"code": code})
    assert "_auth_user_id" in browser.session


@pytest.mark.parametrize("form", ["3. {}.", "\u2066{}\u2069", "10) {};", "\u200b{}\ufeff"])
def test_a_recovery_code_is_taken_as_it_is_pasted(operator, form):
    enrolled = make_operator(operator.account, "eva@example.com", enrolled=True)
    browser = Client()
    browser.post(LOGIN, {"email": enrolled.email, "password": "correct horse battery"})
    typed = form.format(RECOVERY_CODES[2].lower().replace("-", "\u2011"))
    browser.post(reverse("twofactor:recover"), {"code": typed})
    assert "_auth_user_id" in browser.session


def test_a_box_for_both_kinds_of_code_says_so_when_it_refuses(account):
    enrolled = make_operator(account, "eva@example.com", enrolled=True)
    page = signed_in(enrolled).post(reverse("operators:reset", args=[enrolled.pk]), {"code": "12345"})
    assert "Type the 6 digits that the app shows now" in page.text
    assert "or one of your recovery codes" in page.text


# What is stored already


def bring() -> None:
    """Run what the migration does."""
    migration = importlib.import_module("operators.migrations.0016_one_form")
    migration.bring(apps, connection.schema_editor(atomic=False))


def test_old_names_are_brought_into_the_one_form(account, operator, admin_browser):
    Operator.objects.filter(pk=operator.pk).update(
        name="Noor\u200b \u2067Hadda\u0301d" + "\u0335" * 200, override_reason="Lost \u200ephone", name_key=""
    )
    Account.objects.filter(pk=account.pk).update(name="Acme\u200b")
    zoe = make_operator(account, name="Zoë")
    bring()
    assert Operator.objects.get(pk=zoe.pk).name == "Zoë"
    operator.refresh_from_db()
    assert (operator.name, operator.override_reason) == ("Noor Haddád" + "\u0335" * 4, "Lost phone")
    assert found(admin_browser, "noor haddad") == [operator.name]
    assert Account.objects.get(pk=account.pk).name == "Acme"


def test_two_old_groups_of_one_name_stay_two_with_their_members(account, operator, admin):
    one, two, three = (
        Group.objects.create(account=account, name=f"Group {number}") for number in ("one", "two", "three")
    )
    Membership.objects.create(group=two, operator=operator)
    Membership.objects.create(group=three, operator=admin)
    for group, name in ((one, "O\u0308st"), (two, "Öst"), (three, "öst\u200b")):
        Group.objects.filter(pk=group.pk).update(name=name, name_key=f"old {group.pk}")
    bring()
    names = Group.objects.filter(kind=Group.Kind.OWN).order_by("pk").values_list("name", flat=True)
    assert list(names) == ["Öst", "Öst (2)", "öst (3)"]
    assert list(two.memberships.values_list("operator", flat=True)) == [operator.pk]
    assert list(three.memberships.values_list("operator", flat=True)) == [admin.pk]
    renamed = AuditEntry.objects.filter(action=Action.GROUP_RENAMED).order_by("pk")
    assert [entry.new for entry in renamed] == ["Öst (2)", "öst (3)"]


def test_a_system_group_keeps_its_name_and_an_old_one_without_a_look_gets_one(account):
    own = Group.objects.create(account=account, name="Own")
    blank = SubAccount.objects.create(account=account, name="Blank")
    Group.objects.filter(pk=own.pk).update(name="administrators\u200b", name_key="old")
    SubAccount.objects.filter(pk=blank.pk).update(name="\u200b")
    bring()
    assert Group.objects.get(account=account, kind=Group.Kind.ADMINISTRATORS).name == "Administrators"
    assert Group.objects.get(pk=own.pk).name == "administrators (2)"
    assert SubAccount.objects.get(pk=blank.pk).name == "—"


def test_an_old_address_gets_its_one_form_and_logs_in_as_before(account):
    ana = make_operator(account, "ana@bücher.example")
    bring()
    assert Operator.objects.get(pk=ana.pk).email == "ana@xn--bcher-kva.example"
    assert AuditEntry.objects.get(action=Action.EMAIL_CHANGED).old == "ana@bücher.example"
    assert log_in("ana@bücher.example", "correct horse battery")


def test_two_old_operators_of_one_mailbox_both_stay_and_are_named(account, capsys):
    one = make_operator(account, "ana@bücher.example", name="Ana One")
    two = make_operator(account, "ana@xn--bcher-kva.example", name="Ana Two")
    bring()
    assert [Operator.objects.with_email(each.email).pk for each in (one, two)] == [one.pk, two.pk]
    assert Operator.objects.with_email("ANA@BÜCHER.example").pk == one.pk
    call_command("check", "--database", "default")
    assert f"operator {one.pk}" in capsys.readouterr().err


def test_the_check_is_silent_where_every_mailbox_is_one_operator_s(account, capsys):
    make_operator(account, "ana@xn--bcher-kva.example")
    call_command("check", "--database", "default")
    assert "mailbox" not in capsys.readouterr().err


def test_the_keys_of_old_entries_are_computed(account, operator):
    record(Action.NAME_CHANGED, by=NOBODY, subject=operator)
    LinkRecord.begin(operator, "setup", timezone.now(), timezone.now(), by="Anna", mail=None)
    LinkRecord.objects.update(people_key="")
    importlib.import_module("invitations.migrations.0004_search_by_key").fill(
        apps, connection.schema_editor(atomic=False)
    )
    assert LinkRecord.objects.get().people_key == "olga operator (olga@example.com)\nanna"


# Pages and emails


@pytest.fixture
def noa(account):
    """Somebody whose name is written from right to left."""
    return make_operator(account, "noa@example.com", name="נועה כהן")


NAMED_PAGES = [
    "detail",
    "member-of",
    "activity",
    "deactivate",
    "delete",
    "reset",
    "end-sessions",
    "name",
    "email",
]


@pytest.mark.parametrize("page", NAMED_PAGES)
def test_a_name_on_a_page_turns_nothing_around_it(admin_browser, noa, page):
    Operator.objects.filter(pk=noa.pk).update(joined_at=timezone.now())
    enroll(noa)
    text = admin_browser.get(reverse(f"operators:{page}", args=[noa.pk])).text
    assert noa.name in text
    assert lonely(text, noa.name) == []


def test_names_in_lists_turn_nothing_around_them(account, admin_browser, noa):
    group = Group.objects.create(account=account, name="קבוצה")
    Membership.objects.create(group=group, operator=noa)
    record(Action.NAME_CHANGED, by=NOBODY, subject=noa, old="נועה", new=noa.name)
    pages = [
        reverse("operators:list"),
        reverse("operators:group", args=[group.pk]),
        reverse("accounts:audit-log"),
    ]
    for page in [*pages, reverse("operators:overview")]:
        text = admin_browser.get(page).text
        assert lonely(text, noa.name) == lonely(text, "קבוצה") == []


def test_names_and_addresses_keep_their_places_before_a_bulk_action(admin_browser, noa):
    page = admin_browser.get(reverse("operators:bulk"), {"kind": "deactivate", "operator": [noa.pk]}).text
    assert f"<bdi>{noa.name}</bdi> (<bdi>noa@example.com</bdi>)" in page


@pytest.mark.parametrize("page", ["accounts:audit-log", "operators:overview", "operators:links"])
def test_names_and_addresses_keep_their_places_where_both_were_noted_down(account, page):
    noa = make_operator(account, "noa@example.com", name="נועה כהן", administrator=True)
    dan = make_operator(account, "dan@example.com", name="דן (לוי)")
    record(Action.TWO_FACTOR_RESET, by=Origin(noa), subject=dan)
    LinkRecord.begin(dan, "setup", timezone.now(), timezone.now(), by=str(noa), mail=None)
    text = signed_in(noa).get(reverse(page)).text
    assert "<bdi>דן (לוי)</bdi> (<bdi>dan@example.com</bdi>)" in text
    assert f"<bdi>{noa.name}</bdi> (<bdi>noa@example.com</bdi>)" in text


@pytest.mark.parametrize("page", ["bulk-actions", "bulk-action"])
def test_who_asked_for_a_bulk_action_keeps_name_and_address_in_their_places(account, page):
    noa = make_operator(account, "noa@example.com", name="נועה כהן", administrator=True)
    now = timezone.now()
    action = BulkAction.objects.create(
        account=account, key=uuid4(), kind="deactivate", asked_by_name=str(noa), created_at=now, alive_at=now
    )
    address = reverse(f"operators:{page}", args=[action.pk] if page == "bulk-action" else [])
    assert f"<bdi>{noa.name}</bdi> (<bdi>noa@example.com</bdi>)" in signed_in(noa).get(address).text


def test_a_sentence_about_a_name_isolates_it(admin_browser, noa, mailoutbox):
    page = admin_browser.post(reverse("operators:deactivate", args=[noa.pk]), follow=True).text
    assert f"\u2068{noa.name}\u2069 is deactivated" in page


def test_an_email_isolates_a_name_in_both_of_its_parts(noa, mailoutbox):
    Client().post(reverse("operators:password-reset"), {"email": noa.email})
    (mail,) = mailoutbox
    assert f"Hello \u2068{noa.name}\u2069," in mail.body
    assert f"Hello <bdi>{noa.name}</bdi>," in mail.alternatives[0][0]


def test_a_notice_about_somebody_keeps_name_and_address_in_their_places(admin, noa, mailoutbox):
    emails.sign_in_was_frozen(noa, NOBODY)
    (mail,) = mailoutbox
    assert f"a notice to \u2068{noa.name}\u2069 (noa@example.com)." in mail.body


def test_a_terminal_isolates_a_name(account, capsys):
    make_operator(account, name="נועה כהן")
    with pytest.raises(SystemExit):
        call_command("two_factor", "set-policy", "required", "--dry-run")
    assert "\u2068נועה כהן\u2069" in capsys.readouterr().out


def lonely(page: str, name: str) -> list[str]:
    """Return the places of a page where a name stands among other text without being isolated."""
    body = re.sub(r"<(script|style|textarea).*?</\1>", "", page, flags=re.DOTALL)
    apart = re.sub(
        rf"<bdi>[^<]*{name}[^<]*</bdi>|\u2068[^\u2069]*{name}[^\u2069]*\u2069|value=\"[^\"]*\"", "", body
    )
    # Alone in its element it has no neighbors.
    return re.findall(rf".{{30}}{name}.{{30}}", re.sub(rf">\s*{name}\s*<", "><", apart))
