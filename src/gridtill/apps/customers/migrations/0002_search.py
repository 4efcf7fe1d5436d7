from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# Names are asked for in capitals. A beginning is read off an ordered index and ends at the first page of
# hits; a word inside is found by its trigrams, which for a beginning that many share would be slow.
NAMES = (
    "CREATE INDEX customers_customer_name_begins ON customers_customer (upper(name) text_pattern_ops)",
    "CREATE INDEX customers_customer_name_words ON customers_customer USING gin (upper(name) gin_trgm_ops)",
)


def index_names(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    # SQLite serves small utilities, where reading every name takes no time that a person notices.
    if editor.connection.vendor == "postgresql":
        for statement in NAMES:
            editor.execute(statement)


def forget_names(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP INDEX customers_customer_name_begins")
        editor.execute("DROP INDEX customers_customer_name_words")


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [
        TrigramExtension(),
        migrations.RunPython(index_names, forget_names, elidable=False),
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["phone_second"], condition=~models.Q(phone_second=""), name="customer_second_phone"
            ),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(fields=["legacy_number"], condition=~models.Q(legacy_number=""), name="customer_legacy"),
        ),
    ]
