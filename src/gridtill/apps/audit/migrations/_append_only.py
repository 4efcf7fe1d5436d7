"""Triggers that keep rows as they were written, for migrations of any app above."""

from collections.abc import Callable

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

Step = Callable[[StateApps, BaseDatabaseSchemaEditor], None]

POSTGRESQL = """
CREATE OR REPLACE FUNCTION gridtill_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION gridtill_append_only();
"""
SQLITE = (
    "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN "
    "SELECT RAISE(ABORT, 'rows of {table} are never changed or removed'); END",
    "CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN "
    "SELECT RAISE(ABORT, 'rows of {table} are never changed or removed'); END",
)


def append_only(*tables: str) -> Step:
    """Make a migration step after which rows of these tables can be added and nothing else."""

    def forwards(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            if editor.connection.vendor == "postgresql":
                editor.execute(POSTGRESQL.replace("{table}", table), None)
            else:
                for statement in SQLITE:
                    editor.execute(statement.replace("{table}", table))

    return forwards


def changeable_again(*tables: str) -> Step:
    """Make the step that takes the triggers away, for migrating backwards."""

    def backwards(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            if editor.connection.vendor == "postgresql":
                editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            else:
                editor.execute(f"DROP TRIGGER {table}_no_update")
                editor.execute(f"DROP TRIGGER {table}_no_delete")

    return backwards
