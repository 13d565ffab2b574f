from django.db import migrations

from accounts.audit import append_only


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_codes_and_limits")]

    operations = [migrations.RunPython(append_only.install, append_only.remove, elidable=False)]
