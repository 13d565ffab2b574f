"""A session's row says how it was made, and whether a code was given in it."""

from typing import Any

from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.db import migrations, models

SALT = "django.contrib.sessions.SessionStore"
BATCH = 500


def read_from_the_sessions(apps: Any, _editor: Any) -> None:
    """Note of open sessions what they hold themselves: whether their last proof had a code.

    Where that cannot be read none was given: whoever has an authenticator is asked for a code then, and
    nobody is logged out.
    """
    Session = apps.get_model("operators", "Session")
    given = []
    for key, data in Session.objects.filter(user__isnull=False).values_list("pk", "session_data").iterator():
        try:
            proof = signing.loads(data, salt=SALT, serializer=JSONSerializer).get("proof", {})
        except (signing.BadSignature, ValueError):
            continue
        if proof.get("code"):
            given.append(key)
    for start in range(0, len(given), BATCH):
        Session.objects.filter(pk__in=given[start : start + BATCH]).update(code_given=True)


class Migration(migrations.Migration):
    dependencies = [("operators", "0013_locked_operators")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="made_by",
            field=models.CharField(
                blank=True,
                default="",
                max_length=40,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="session",
            name="code_given",
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(read_from_the_sessions, migrations.RunPython.noop),
    ]
