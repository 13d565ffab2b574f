"""The tables of the app, one module for each subject."""

from accounts.models.account import (
    LONGEST_TRUST_DAYS,
    POLICY_CHOICES,
    POLICY_LABELS,
    REMINDER_DAYS,
    TEXT_LENGTH,
    Account,
)
from accounts.models.audit_entry import Action, AppendOnlyError, AuditEntry, action_choices
from accounts.models.outgoing_mail import OutgoingMail, longest_try
from accounts.models.periodic_task import PeriodicTask
from accounts.models.tally import Tally

__all__ = [
    "LONGEST_TRUST_DAYS",
    "POLICY_CHOICES",
    "POLICY_LABELS",
    "REMINDER_DAYS",
    "TEXT_LENGTH",
    "Account",
    "Action",
    "AppendOnlyError",
    "AuditEntry",
    "OutgoingMail",
    "PeriodicTask",
    "Tally",
    "action_choices",
    "longest_try",
]
