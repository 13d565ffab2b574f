"""Work that is done in rounds: what the bulk actions, the reminders and the mail queue have in common."""

from datetime import timedelta

from django.utils import timezone

from accounts import rounds
from accounts.mail.notice_mail import notify
from accounts.models.outgoing_mail import OutgoingMail
from uptrends_2fa import settings as product_settings


def test_of_two_workers_that_find_a_stalled_row_one_takes_it_back(account, settings):
    settings.TASKS = {"default": {"BACKEND": product_settings.TASK_BACKENDS["database"]}}
    now = timezone.now()
    notify("email/notice", "olga@example.com", {}, account=account)
    found = [OutgoingMail.objects.filter(next_try_at__lte=now + timedelta(hours=1)) for _worker in range(2)]
    assert [len(rows) for rows in found] == [1, 1]
    later = now + timedelta(hours=2)
    assert [len(list(rounds.take_back(rows, next_try_at=later))) for rows in found] == [1, 0]
