from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts import search_keys


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Compute the keys of old rows."""
    search_keys.fill(apps.get_model("invitations", "LinkRecord"), "people_key", schema_editor)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_search_by_key"), ("invitations", "0003_link_records")]

    operations = [
        migrations.AddField(
            model_name="linkrecord",
            name="people_key",
            field=search_keys.SearchKey(
                db_default="", default="", editable=False, of=("person_name", "asked_by")
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
