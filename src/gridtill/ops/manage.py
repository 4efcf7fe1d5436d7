"""`gridtill manage` and `gridtill migrate`: Django's own commands."""

from __future__ import annotations

from django.core.management import execute_from_command_line


def main(argv: list[str]) -> int:
    """Run a management command as `django-admin` would."""
    execute_from_command_line(["gridtill manage", *argv])
    return 0
