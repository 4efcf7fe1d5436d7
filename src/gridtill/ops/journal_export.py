"""The exporting half of `gridtill journal`; the verifying half does without Django."""

from __future__ import annotations

import sys

import django

django.setup()

from gridtill.apps.vending.queries.journal import export_lines


def export() -> int:
    """Write the whole journal to standard output."""
    for line in export_lines():
        sys.stdout.write(line + "\n")
    return 0
