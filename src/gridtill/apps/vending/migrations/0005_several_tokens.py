from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vending", "0004_engineering_tokens")]
    operations = [
        migrations.AddField(
            model_name="delivery",
            name="last_identifier",
            field=models.BigIntegerField(
                default=0, help_text="Of the last token, where one cannot carry the energy."
            ),
            preserve_default=False,
        ),
        migrations.RunSQL("UPDATE vending_delivery SET last_identifier = token_identifier", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="delivery",
            name="token",
            field=models.CharField(blank=True, help_text="Several tokens have a blank between.", max_length=1049),
        ),
        migrations.RemoveConstraint(model_name="delivery", name="token_identifier_once"),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("meter", "base_date", "last_identifier"), name="token_identifier_once"
            ),
        ),
    ]
