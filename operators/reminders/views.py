"""The page Reminders: whom a round would reach, what the mail says, and the schedule."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import administrators_only, needs_proof_to_post
from accounts.audit.trail import origin
from accounts.http import SignedInRequest, data_of
from operators.models.reminder_run import ReminderRun
from operators.reminders import reminding
from operators.reminders import schedule as reminder_schedule
from operators.reminders.forms import ReachForm, ScheduleForm
from operators.status.labels import STATUS_LABELS


@require_safe
@administrators_only
def reminders(request: SignedInRequest) -> HttpResponse:
    return _page(request, _schedule_form(request))


def _page(request: SignedInRequest, schedule_form: ScheduleForm) -> HttpResponse:
    account = request.user.account
    form = ReachForm(request.GET)
    to_optional = form.is_valid() and form.cleaned_data["to_optional"]
    reach = reminding.reach(account, to_optional=to_optional)
    context = {
        "form": form,
        "to_optional": to_optional,
        "reach": reach,
        "not_asked": [(status, STATUS_LABELS[status], number) for status, number in reach.not_asked.items()],
        "samples": reminding.samples(account, to_optional=to_optional),
        "run": ReminderRun.newest(account.pk),
        "schedule_form": schedule_form,
        "schedule": reminder_schedule.in_words(account),
    }
    return render(request, "operators/reminders/reminders.html", context)


@needs_proof_to_post
@require_POST
@administrators_only
def send(request: SignedInRequest) -> HttpResponse:
    form = ReachForm(request.POST)
    to_optional = form.is_valid() and form.cleaned_data["to_optional"]
    try:
        run = reminding.start(request.user.account, origin(request), to_optional=to_optional)
    except reminding.AlreadyRunningError:
        messages.warning(request, _("Reminders are being sent already. Wait until that is done, or stop it."))
    else:
        if run:
            messages.success(request, _("The reminders are on their way."))
        else:
            messages.info(request, _("There is nobody to remind now."))
    return redirect("operators:reminders")


@require_POST
@administrators_only
def stop(request: SignedInRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(ReminderRun, pk=pk, account=request.user.account_id)
    if reminding.stop(run, origin(request)):
        messages.success(
            request,
            _("Stopped. What was in the mail queue already still arrives; no more follows."),
        )
    else:
        messages.info(request, _("Nothing to stop: all reminders have been sent."))
    return redirect("operators:reminders")


@needs_proof_to_post
@require_POST
@administrators_only
def schedule(request: SignedInRequest) -> HttpResponse:
    form = _schedule_form(request)
    if not form.is_valid():
        return _page(request, form)
    days, to_optional = form.given
    if reminder_schedule.set_schedule(request.user.account, days, origin(request), to_optional=to_optional):
        messages.success(request, _("Saved the schedule of the reminders."))
    else:
        messages.info(request, _("Nothing changed: that was the schedule already."))
    return redirect("operators:reminders")


def _schedule_form(request: SignedInRequest) -> ScheduleForm:
    account = request.user.account
    fields = ("reminder_days", "reminders_to_optional")
    return ScheduleForm(data_of(request), initial={field: getattr(account, field) for field in fields})
