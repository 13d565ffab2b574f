from django.db import migrations

import accounts.search_keys


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_search_by_key"),
        ("operators", "0014_how_sessions_were_made"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="subaccount",
            options={"ordering": ("name_key", "pk")},
        ),
        migrations.RemoveConstraint(
            model_name="group",
            name="group_name",
        ),
        migrations.RemoveConstraint(
            model_name="subaccount",
            name="sub_account_name",
        ),
        migrations.RemoveIndex(
            model_name="operator",
            name="operator_by_name",
        ),
        migrations.AddField(
            model_name="group",
            name="name_key",
            field=accounts.search_keys.NameKey(db_default="", default="", editable=False, of=("name",)),
        ),
        migrations.AddField(
            model_name="operator",
            name="name_key",
            field=accounts.search_keys.SearchKey(db_default="", default="", editable=False, of=("name",)),
        ),
        migrations.AddField(
            model_name="subaccount",
            name="name_key",
            field=accounts.search_keys.NameKey(db_default="", default="", editable=False, of=("name",)),
        ),
    ]
