from django.db import migrations

# On PostgreSQL all postings of an entry arrive in one statement, and after it each entry must sum to zero.
POSTGRESQL = """
CREATE FUNCTION gridtill_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wrong uuid;
BEGIN
    SELECT p.entry_id INTO wrong FROM ledger_posting p
        WHERE p.entry_id IN (SELECT entry_id FROM added) GROUP BY p.entry_id HAVING SUM(p.amount_minor) <> 0 LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'journal entry % does not balance', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_posting_balances AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION gridtill_entry_balances();
"""
POSTGRESQL_BACK = "DROP TRIGGER ledger_posting_balances ON ledger_posting; DROP FUNCTION gridtill_entry_balances();"

# SQLite has no trigger at the end of a statement, so there the entry comes last and seals its postings.
SQLITE = (
    "CREATE TRIGGER ledger_entry_balances BEFORE INSERT ON ledger_journalentry "
    "WHEN (SELECT COALESCE(SUM(amount_minor), 1) FROM ledger_posting WHERE entry_id = NEW.id) <> 0 "
    "BEGIN SELECT RAISE(ABORT, 'journal entry does not balance'); END",
    "CREATE TRIGGER ledger_posting_sealed BEFORE INSERT ON ledger_posting "
    "WHEN EXISTS (SELECT 1 FROM ledger_journalentry WHERE id = NEW.entry_id) "
    "BEGIN SELECT RAISE(ABORT, 'journal entry is sealed'); END",
)


def forwards(_apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRESQL, None)
    else:
        for statement in SQLITE:
            editor.execute(statement)


def backwards(_apps, editor):
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRESQL_BACK, None)
    else:
        editor.execute("DROP TRIGGER ledger_entry_balances")
        editor.execute("DROP TRIGGER ledger_posting_sealed")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only")]
    operations = [migrations.RunPython(forwards, backwards)]
