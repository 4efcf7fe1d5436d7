from django.db import migrations

from gridtill.apps.audit.migrations._append_only import append_only, changeable_again

TABLES = ("audit_auditrecord",)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(append_only(*TABLES), changeable_again(*TABLES))]
