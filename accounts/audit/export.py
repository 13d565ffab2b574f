"""The audit log as a table: what the page shows, in words that stand on their own."""

from django.utils.translation import gettext as _

from accounts.models import Action, AuditEntry
from accounts.spreadsheet import Column

# Which entries are changes of the policy: what is asked of everybody, of somebody, and of whom nothing is.
POLICY_CHANGES = (Action.ACCOUNT_POLICY, Action.TRUSTED_BROWSERS, Action.OVERRIDE, Action.SIGN_IN_METHOD)


def columns(when: str = "") -> tuple[Column[AuditEntry], ...]:
    """A function, as titles are in the language of the reader; `when` replaces the first."""
    labels = {action: str(label) for action, label in Action.choices}
    stranger, server = _("Not signed in"), _("The server")
    return (
        Column("when", when or _("When"), lambda entry: entry.at),
        Column("who", _("Who"), lambda entry: entry.actor_name or (stranger if entry.address else server)),
        Column("whom", _("Whom"), lambda entry: entry.subject_name),
        Column("what", _("What"), lambda entry: labels.get(entry.action, entry.action)),
        Column("old", _("Old value"), lambda entry: entry.old),
        Column("new", _("New value"), lambda entry: entry.new),
        Column("address", _("Address"), lambda entry: entry.address),
    )
