from django.db import migrations

from gridtill.apps.audit.migrations._append_only import append_only, changeable_again

TABLES = ("vending_salesdocument", "vending_receiptprint", "vending_dayclose", "vending_cashmovement",)


class Migration(migrations.Migration):
    dependencies = [("vending", "0001_initial")]
    operations = [migrations.RunPython(append_only(*TABLES), changeable_again(*TABLES))]
