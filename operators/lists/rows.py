"""The rows of the operators list.

They are put together here: a template that looks eleven words up for each of 25 rows is half the page's work.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.text import isolated
from operators.models import Operator
from operators.status.explanation import explain_without_address, with_address
from operators.status.labels import STATUS_LABELS, STATUS_TONES, groups_in_short, last_login_label

# Each repeats the headings for small screens.
ROW = """
        <tr>
          <td class="cell-tick"><input type="checkbox" name="operator" value="{key}" form="bulk" aria-label="{choose}"></td>
          <th scope="row">
            <a class="cell-main" href="{url}"><bdi>{name}</bdi></a>
            <span class="cell-sub"><bdi>{email}</bdi></span>
          </th>
          <td data-label="{groups_title}">{groups}</td>
          <td data-label="{status_title}"><span><span class="status is-{tone}">{status}</span><span class="cell-sub cell-why">{why}</span></span></td>
          <td data-label="{last_login_title}">{last_login}</td>
        </tr>"""  # noqa: E501  as a template would have it


def rows_of(operators: Iterable[Operator]) -> SafeString:
    return format_html_join("", ROW, _words(operators))


def _words(operators: Iterable[Operator]) -> Iterator[dict[str, Any]]:
    before, after = reverse("operators:detail", args=[0]).split("0")
    choose = _("Choose %(name)s")
    titles = {
        "groups_title": _("Groups"),
        "status_title": _("Two-factor authentication"),
        "last_login_title": _("Last login"),
    }
    kinds: dict[Hashable, dict[str, str]] = {}
    for operator in operators:
        # On one page most are alike to the rules, which are asked once for each kind.
        kind = (operator.facts, operator.has_live_invitation)
        if kind not in kinds:
            kinds[kind] = titles | _status(operator)
        name, words = operator.name or operator.email, kinds[kind]
        yield words | {
            "key": operator.pk,
            "choose": choose % {"name": isolated(name)},
            "url": f"{before}{operator.pk}{after}",
            "name": name,
            "email": operator.email,
            "groups": groups_in_short(operator),
            "why": with_address(words["why"], operator.email),
            "last_login": _last_login(operator),
        }


def _status(operator: Operator) -> dict[str, str]:
    status, why = operator.status, explain_without_address(operator)
    return {"tone": STATUS_TONES[status], "status": str(STATUS_LABELS[status]), "why": why.beside_the_status}


def _last_login(operator: Operator) -> str:
    label = last_login_label(operator)
    if operator.last_login is None:
        return label
    return format_html('<time datetime="{}">{}</time>', operator.last_login.isoformat(), label)
