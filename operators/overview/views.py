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
    account, now = request.user.account, timezone.now()
    page = overview(request.user, now)
    context = {
        "account": account,
        "policy": rule_in_words(account.rule.as_of(now)),
        "overview": page,
        "next_thing": page.next_thing.name,
        "statuses": [
            (status, STATUS_LABELS[status], number) for status, number in page.counts.by_status.items()
        ],
        "headings": [STATUS_LABELS[status] for status in SHOWN_BY_GROUP],
        "groups": _groups(page),
        "lines": _lines(page),
        "days": [(day, coverage) for day, coverage in reversed(page.history) if coverage],
        "first_day": page.history[0][0],
        "last_day": page.history[-1][0],
    }
    return render(request, "operators/overview/overview.html", context)


def _groups(page: Overview) -> list[dict[str, Any]]:
    return [
        {"pk": None, "label": "", "coverage": page.counts.coverage, "cells": _cells(page.counts.by_status)},
        *(_group(group) for group in page.groups),
    ]


def _group(row: GroupCoverage) -> dict[str, Any]:
    return {
        "pk": row.group.pk,
        "label": row.group.label,
        "coverage": row.coverage,
        "cells": _cells(row.by_status),
    }


def _cells(numbers: dict[Any, int]) -> list[tuple[Any, Any, int]]:
    return [(status, STATUS_LABELS[status], numbers.get(status, 0)) for status in SHOWN_BY_GROUP]


def _lines(page: Overview) -> list[str]:
    """SVG paths, one unit a day and a per cent; a line of a single day is a dot by its round ends."""
    return [
        "M"
        + " L".join(f"{number} {100 - percent}" for number, percent in run)
        + (" h0" if not run[1:] else "")
        for run in runs(page.history)
    ]
