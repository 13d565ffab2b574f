from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Subquery


def fill(apps: Any, _schema_editor: Any) -> None:
    """Let the newest link of each person be recognized, also where it has ended; older ones are not known."""
    records = apps.get_model("invitations", "LinkRecord").objects
    links = apps.get_model("invitations", "Link").objects
    same = {"person_id": OuterRef("person_id"), "kind": OuterRef("kind")}
    newest = ~Exists(records.filter(**same, pk__gt=OuterRef("pk")))
    link = links.filter(user_id=OuterRef("person_id"), purpose=OuterRef("kind"))
    found = records.filter(newest, Exists(link))
    found.update(token_hash=Subquery(link.values("token_hash")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("invitations", "0004_search_by_key"),
    ]

    operations = [
        migrations.AddField(
            model_name="linkrecord",
            name="token_hash",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="linkrecord",
            name="kind",
            field=models.CharField(
                choices=[
                    ("setup", "Setup link"),
                    ("invitation", "Invitation"),
                    ("password_reset", "New password"),
                    ("email", "New email address"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="linkrecord",
            index=models.Index(fields=["token_hash"], name="link_record_token"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
