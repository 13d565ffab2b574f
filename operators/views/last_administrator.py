"""Why can the last administrator not go? One sentence for every place that refuses it."""

from django.utils.translation import gettext as _

from accounts.text import isolated
from operators.models import Operator


def explain(operator: Operator) -> str:
    """Return the sentence, with what to do."""
    return _(
        "%(name)s is the last administrator of this account who can sign in, so nothing was changed. "
        "Make somebody else an administrator first."
    ) % {"name": isolated(operator.name)}
