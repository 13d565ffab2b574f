from django.db import migrations, models

from operators import postgres


class Migration(migrations.Migration):
    dependencies = [("operators", "0016_one_form")]

    operations = [
        migrations.AddIndex(
            model_name="operator",
            index=models.Index(
                fields=[
                    "account",
                    "name_key",
                    "id",
                    "joined_at",
                    "is_active",
                    "frozen_at",
                    "sign_in_method",
                    "two_factor_override",
                    "override_until",
                    "code_failures",
                ],
                name="operator_by_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="group",
            constraint=models.UniqueConstraint(
                fields=("account", "name_key"),
                name="group_name",
                violation_error_message="There is a group of this name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="subaccount",
            constraint=models.UniqueConstraint(
                fields=("account", "name_key"),
                name="sub_account_name",
                violation_error_message="There is a sub account of this name already.",
            ),
        ),
        migrations.RunPython(postgres.search_by_key, postgres.search_by_name, elidable=False),
    ]
