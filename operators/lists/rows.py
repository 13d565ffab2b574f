"""What does a row of the list say of an operator?"""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.text import isolated
from operators.models import Operator
from operators.status.explanation import explain
from operators.status.labels import STATUS_LABELS, STATUS_TONES, groups_in_short, last_login_label

Row = dict[str, Any]


def rows_of(operators: Iterable[Operator]) -> list[Row]:
    """Return the words of each row: to look them up in a template one by one is half the work of a page."""
    before, after = reverse("operators:detail", args=[0]).split("0")
    choose = _("Choose %(name)s")
    return [
        {
            "key": str(operator.pk),
            "choose": choose % {"name": isolated(operator.name or operator.email)},
            "url": f"{before}{operator.pk}{after}",
            "name": operator.name or operator.email,
            "email": operator.email,
            "groups": groups_in_short(operator),
            "tone": STATUS_TONES[operator.status],
            "status": str(STATUS_LABELS[operator.status]),
            "why": explain(operator).beside_the_status,
            "last_login_at": operator.last_login.isoformat() if operator.last_login else "",
            "last_login": last_login_label(operator),
        }
        for operator in operators
    ]
