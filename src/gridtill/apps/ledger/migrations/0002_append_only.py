from django.db import migrations

from gridtill.apps.audit.migrations._append_only import append_only, changeable_again

TABLES = ("ledger_journalentry", "ledger_posting",)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(append_only(*TABLES), changeable_again(*TABLES))]
