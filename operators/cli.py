"""What `manage.py two_factor` does, and what it answers to people and scripts."""

from argparse import ArgumentTypeError
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.trail import Origin
from accounts.forms import AccountSettingsForm, LineField
from accounts.models import Account
from accounts.plain_form import PlainForm
from accounts.policy import AccountRule, Policy
from accounts.row_keys import row_keys
from accounts.settings_page import rule_in_words
from accounts.text import isolated, one_line
from operators.models import Operator
from operators.overrides import exceptions
from operators.overrides.forms import ChosenOverride, OverrideForm, chosen_override
from operators.overrides.override import in_words, set_override
from operators.policy.groups import titles
from operators.policy.preview import Preview, preview_of
from operators.reminders import announcing, reminding
from operators.rules.policy_change import MUST_ENROLL, Change
from operators.rules.status import Status
from operators.status.counts import count
from operators.status.labels import STATUS_LABELS

DONE, ERROR, WOULD_CHANGE = 0, 1, 3


class RefusedError(Exception):
    """The command cannot be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    data: dict[str, Any]
    lines: list[str] = field(default_factory=list)
    code: int = DONE


def reason(text: str) -> str:
    """Validate a reason as the forms do. Raises ArgumentTypeError."""
    try:
        return str(LineField(error_messages={"required": _("Say why.")}).clean(text))
    except ValidationError as error:
        raise ArgumentTypeError(" ".join(error.messages)) from error


def account_of(name: str) -> Account:
    """Find an account by number or name; without either, the only one there is. Raises RefusedError."""
    matches = Account.objects.all()
    if name:
        by_name = matches.filter(name=one_line(name))
        matches = by_name or matches.filter(pk__in=row_keys([name]))
    accounts = list(matches.order_by("pk")[:2])
    if not accounts:
        raise RefusedError(_("There is no such account."))
    if len(accounts) > 1:
        raise RefusedError(_("There is more than one such account: name it by its number, --account ID."))
    return accounts[0]


def status(account: Account, fail_under: float | None) -> Answer:
    now = timezone.now()
    counts = count(account, now)
    coverage = counts.coverage
    excepted = exceptions.counts(account)
    data = {
        "account": {"id": account.pk, "name": account.name},
        "policy": account.two_factor_policy,
        "required_from": _moment(account.required_from),
        "operators": counts.all,
        "statuses": {status.value: counts.by_status.get(status, 0) for status in Status},
        "coverage": coverage.percent,
        "protected": coverage.protected,
        "counted": coverage.counted,
        "exceptions": excepted,
    }
    lines = [f"{isolated(account.name)}: {rule_in_words(account.rule.as_of(now))}"]
    lines += [f"{number:7}  {STATUS_LABELS[status]}" for status, number in counts.by_status.items()]
    lines.append(f"{excepted['in_force']:7}  " + _("Exceptions in force"))
    # None if nobody logs in here: then nobody is unprotected either.
    share = 100 if coverage.percent is None else coverage.percent
    lines.append(
        _("%(share)d %% of those who sign in here are protected: %(protected)d of %(counted)d")
        % {"share": share, "protected": coverage.protected, "counted": coverage.counted}
    )
    failed = fail_under is not None and share < fail_under
    return Answer(data, lines, WOULD_CHANGE if failed else DONE)


def set_policy(
    account: Account, policy: str, begins: date | None, *, mail_now: bool, dry_run: bool
) -> Answer:
    now = timezone.now()
    change = Change(account.rule.as_of(now), _rule(policy, begins), now)
    affected = preview_of(account, change)
    somebody_must = change.requires and any(affected.counts[group] for group in MUST_ENROLL)
    sentence = announcing.sentence(account, change.new) if somebody_must else ""
    data = {
        "from": account.two_factor_policy,
        "to": policy,
        "required_from": _moment(change.new.required_from),
        "groups": affected.counts,
        "first": {name: [operator.email for operator in first] for name, first in affected.first.items()},
        "sentence": sentence,
        "mail": bool(sentence) and mail_now,
    }
    if change.old == change.new:
        return _outcome(data, [_("Nothing to change: that is the setting already.")], changed=False)
    lines = [
        f"{affected.counts[name]:7}  {words}: {_names(affected, name)}"
        for name, words in titles(change).items()
        if affected.counts[name]
    ]
    if sentence:
        lines.append((_("Mailed: %s") if mail_now else _("Not mailed without --mail: %s")) % sentence)
    if dry_run:
        return _outcome(data, [*lines, _("Nothing is stored yet.")], changed=True, dry_run=True)
    if not announcing.change_and_tell(account, change.new, Origin(), mail_now=mail_now):
        raise RefusedError(_("Somebody else has changed the setting in this moment. Look again."))
    holds = (
        _("Stored. Until that day each sign-in offers to set it up.")
        if change.new.required_from
        else _("Stored. It applies at each next sign-in.")
    )
    return _outcome(data, [*lines, holds], changed=True)


def _names(affected: Preview, group: str) -> str:
    names = ", ".join(isolated(operator.name or operator.email) for operator in affected.first[group])
    others = affected.counts[group] - len(affected.first[group])
    return _("%(names)s and %(more)d more") % {"names": names, "more": others} if others else names


def _rule(policy: str, begins: date | None) -> AccountRule:
    if begins and policy != Policy.REQUIRED:
        raise RefusedError(_("Only Required can begin on a day: leave out --from."))
    day = begins.isoformat() if begins else ""
    form = AccountSettingsForm({"two_factor_policy": policy, "required_from": day})
    _refuse_if_invalid(form)
    return form.rule


def _refuse_if_invalid(form: PlainForm) -> None:
    if not form.is_valid():
        raise RefusedError(" ".join(str(error) for errors in form.errors.values() for error in errors))


def override(account: Account, email: str, options: dict[str, str], *, dry_run: bool) -> Answer:
    """The rules are those of the form on the operator's page."""
    operator = Operator.objects.filter(account=account).complete().with_email(email)
    if operator is None:
        raise RefusedError(_("No operator of the account has that address."))
    if operator.is_single_sign_on:
        raise RefusedError(_("That operator signs in by single sign-on: no setting applies."))
    chosen = _chosen(account, options)
    before = in_words(operator)
    fields = (operator.two_factor_override, operator.override_reason, operator.override_until)
    wanted = (chosen.policy, chosen.reason, chosen.ends_at)
    differs = fields != wanted
    if differs and not dry_run:
        differs = set_override(operator, chosen.policy, Origin(), reason=chosen.reason, until=chosen.ends_at)
    data = {
        "email": operator.email,
        "from": fields[0] or "none",
        "to": chosen.policy or "none",
        "reason": chosen.reason,
        "until": _moment(chosen.ends_at),
    }
    # In a dry run nothing is saved, but the words are those of the change.
    operator.two_factor_override, operator.override_reason, operator.override_until = wanted
    lines = [f"{operator.email}: {before or _('none')} → {in_words(operator) or _('none')}"]
    if not differs:
        lines = [_("Nothing to change: that is the setting already.")]
    elif dry_run:
        lines.append(_("Nothing is stored yet."))
    return _outcome(data, lines, changed=differs, dry_run=dry_run)


def _chosen(account: Account, options: dict[str, str]) -> ChosenOverride:
    """Raise RefusedError with the errors that the page would show."""
    data = {} if options["policy"] == "none" else {"override": "on", **options}
    form = OverrideForm(data, rule=account.rule)
    _refuse_if_invalid(form)
    return chosen_override(form.cleaned_data)


def remind(account: Account, *, to_optional: bool, dry_run: bool) -> Answer:
    reach = reminding.reach(account, to_optional=to_optional)
    samples = reminding.samples(account, to_optional=to_optional) if dry_run else []
    if not dry_run:
        try:
            reminding.start(account, Origin(), to_optional=to_optional)
        except reminding.AlreadyRunningError as error:
            raise RefusedError(_("Reminders are being sent already.")) from error
    data = {
        "reminded": reach.now,
        "reminded_within_a_day": reach.within_a_day,
        "not_asked": {status.value: number for status, number in reach.not_asked.items()},
        "mails": [{"subject": email.subject, "text": email.text} for email in samples],
    }
    lines = [_("To be reminded: %d") % reach.now, _("Reminded within a day: %d") % reach.within_a_day]
    lines += [f"\n{email.subject}\n\n{email.text}" for email in samples]
    return _outcome(data, lines, changed=bool(reach.now), dry_run=dry_run)


def _outcome(data: dict[str, Any], lines: list[str], *, changed: bool, dry_run: bool = False) -> Answer:
    would = changed and dry_run
    return Answer({"changed": changed, "dry_run": dry_run, **data}, lines, WOULD_CHANGE if would else DONE)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
