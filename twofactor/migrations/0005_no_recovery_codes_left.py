from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("twofactor", "0004_key_check"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="authenticator",
            index=models.Index(
                condition=models.Q(("recovery_hashes", "")), fields=["user"], name="no_recovery_codes_left"
            ),
        ),
    ]
