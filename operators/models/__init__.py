"""The tables of the app, one module for each subject."""

from operators.models.announcement import Announcement
from operators.models.bulk import BulkAction, BulkItem
from operators.models.coverage_day import CoverageDay
from operators.models.group import Group, Membership, SubAccount, create_account
from operators.models.operator import (
    Operator,
    OperatorManager,
    OperatorQuerySet,
    forms_of_address,
    new_nonce,
    session_with_person,
    whose_address,
)
from operators.models.reminder_run import ReminderRun
from operators.models.session import Session

__all__ = [
    "Announcement",
    "BulkAction",
    "BulkItem",
    "CoverageDay",
    "Group",
    "Membership",
    "Operator",
    "OperatorManager",
    "OperatorQuerySet",
    "ReminderRun",
    "Session",
    "SubAccount",
    "create_account",
    "forms_of_address",
    "new_nonce",
    "session_with_person",
    "whose_address",
]
