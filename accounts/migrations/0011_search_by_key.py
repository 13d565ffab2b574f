from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts import search_keys
from accounts.audit import append_only


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Compute the keys of old entries; what an entry says stays as it is."""
    search_keys.fill(apps.get_model("accounts", "AuditEntry"), "people_key", schema_editor)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_outgoing_mail_to")]

    operations = [
        # The entries must be written once more; the triggers are back before the transaction ends.
        migrations.RunPython(append_only.remove, append_only.install),
        migrations.AddField(
            model_name="auditentry",
            name="people_key",
            field=search_keys.SearchKey(
                db_default="", default="", editable=False, of=("actor_name", "subject_name")
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(append_only.install, append_only.remove),
    ]
