"""Account setup > Two-factor overview."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import administrators_only
from accounts.http import SignedInRequest
from accounts.settings_page import rule_in_words
from operators.overview.coverage import SHOWN_BY_GROUP, GroupCoverage, runs
from operators.overview.overview import Overview, overview
from operators.status.labels import STATUS_LABELS


@require_safe
@administrators_only
def two_factor_overview(request: SignedInRequest) -> HttpResponse:
    """Show who is protected, who is not, and the one next thing worth doing."""
    account, now = request.user.account, timezone.now()
    found = overview(request.user, now)
    context = {
        "account": account,
        "policy": rule_in_words(account.rule.as_of(now)),
        "overview": found,
        "next_thing": found.next_thing.name,
        "statuses": [
            (status, STATUS_LABELS[status], number) for status, number in found.counts.by_status.items()
        ],
        "headings": [STATUS_LABELS[status] for status in SHOWN_BY_GROUP],
        "groups": _groups(found),
        "lines": _lines(found),
        "days": [(day, coverage) for day, coverage in reversed(found.history) if coverage],
        "first_day": found.history[0][0],
        "last_day": found.history[-1][0],
    }
    return render(request, "operators/overview/overview.html", context)


def _groups(found: Overview) -> list[dict[str, Any]]:
    """Return the rows of the groups, the whole account first."""
    return [
        {"pk": None, "label": "", "coverage": found.counts.coverage, "cells": _cells(found.counts.by_status)},
        *(_group(one) for one in found.groups),
    ]


def _group(one: GroupCoverage) -> dict[str, Any]:
    return {
        "pk": one.group.pk,
        "label": one.group.label,
        "coverage": one.coverage,
        "cells": _cells(one.by_status),
    }


def _cells(numbers: dict[Any, int]) -> list[tuple[Any, Any, int]]:
    """Return status, words and number of each column."""
    return [(status, STATUS_LABELS[status], numbers.get(status, 0)) for status in SHOWN_BY_GROUP]


def _lines(found: Overview) -> list[str]:
    """Return the lines of the chart as SVG paths: a day is one unit wide, per cent go up from the ground.

    A line of one day has no length; its round ends make it a dot.
    """
    return [
        "M"
        + " L".join(f"{number} {100 - percent}" for number, percent in run)
        + (" h0" if not run[1:] else "")
        for run in runs(found.history)
    ]
