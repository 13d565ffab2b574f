from django.db import migrations

from operators import postgres


class Migration(migrations.Migration):
    dependencies = [("operators", "0009_long_lists")]

    operations = [migrations.RunPython(postgres.install, postgres.remove, elidable=False)]
