from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_outgoing_mail_to"),
        ("operators", "0012_bulk_actions"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="operator",
            index=models.Index(
                condition=models.Q(("frozen_at__isnull", False)),
                fields=["account", "frozen_at"],
                name="operator_frozen",
            ),
        ),
        migrations.AddIndex(
            model_name="operator",
            index=models.Index(
                condition=models.Q(("code_failures__gte", 100)),
                fields=["account", "code_failures"],
                name="operator_guessed_at",
            ),
        ),
    ]
