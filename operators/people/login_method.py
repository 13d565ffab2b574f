"""How an operator logs in: with a password, or through an identity provider."""

from accounts.audit.trail import Origin, record
from accounts.models import Action
from operators import emails
from operators.administrators import keep_an_administrator
from operators.models import Operator


def set_sign_in_method(operator: Operator, method: str, by: Origin) -> bool:
    """Store how the operator logs in, and end sessions and links; return False if nothing changed.

    Raises LastAdministratorError.
    """
    with keep_an_administrator(operator):
        old = operator.sign_in_method
        row = Operator.objects.filter(pk=operator.pk).exclude(sign_in_method=method)
        if not row.update(sign_in_method=method):
            return False
        operator.sign_in_method = method
        operator.renew_session_nonce()
        labels = dict(Operator.SignInMethod.choices)
        words = (str(labels[old]), str(labels[method]))
        record(Action.SIGN_IN_METHOD, by=by, subject=operator, old=words[0], new=words[1])
        emails.tell_operator(operator, emails.LOGIN_METHOD_WAS_CHANGED, by, old=words[0], new=words[1])
    return True
