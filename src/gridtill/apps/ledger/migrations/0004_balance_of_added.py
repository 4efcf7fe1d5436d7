from django.db import migrations

# Every statement adds postings that sum to zero for each entry, so whole entries do too and need not be read again.
CHECK = """
CREATE OR REPLACE FUNCTION gridtill_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid;
BEGIN
    SELECT entry_id INTO wrong FROM added GROUP BY entry_id HAVING SUM(amount_minor) <> 0 LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'journal entry % does not balance', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
"""
BACK = CHECK.replace(
    "SELECT entry_id INTO wrong FROM added GROUP BY entry_id HAVING SUM(amount_minor) <> 0 LIMIT 1",
    "SELECT p.entry_id INTO wrong FROM ledger_posting p WHERE p.entry_id IN (SELECT entry_id FROM added)"
    " GROUP BY p.entry_id HAVING SUM(p.amount_minor) <> 0 LIMIT 1",
)


def forwards(_apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute(CHECK, None)


def backwards(_apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute(BACK, None)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_balance")]
    operations = [migrations.RunPython(forwards, backwards)]
