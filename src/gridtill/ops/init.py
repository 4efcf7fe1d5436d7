"""`gridtill init`: set up a utility with its bureau, roles, accounts and first administrator."""

from __future__ import annotations

import argparse
import secrets
import sys

import django
from django.core.management import call_command

from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.clock import now
from gridtill.kernel.errors import Refusal


def main(argv: list[str]) -> int:
    """Initialise once; 1 if it was done before or an answer is wrong."""
    parser = argparse.ArgumentParser(prog="gridtill init", description=__doc__)
    parser.add_argument("--name", required=True, help="name of the utility")
    parser.add_argument("--bureau", required=True, help="name of its bureau")
    parser.add_argument("--currency", required=True, help="ISO 4217 code, such as KES")
    parser.add_argument("--time-zone", required=True, help="IANA name, such as Africa/Nairobi")
    parser.add_argument("--administrator", default="admin", help="user name of the first administrator")
    arguments = parser.parse_args(argv)
    django.setup()
    call_command("migrate", verbosity=0)
    password = secrets.token_urlsafe(12)
    try:
        _initialise(arguments, password)
    except Refusal as refusal:
        print(f"{refusal.message} {refusal.remedy}".strip(), file=sys.stderr)
        return 1
    print(f"{arguments.name} is set up. Sign in as {arguments.administrator} with {password}")
    print("The password has to be changed at the first sign-in.")
    return 0


def _initialise(arguments: argparse.Namespace, password: str) -> None:
    # Models can only be imported once Django is set up.
    from django.db import transaction  # noqa: PLC0415

    from gridtill.apps.ledger.operations import ensure_chart  # noqa: PLC0415
    from gridtill.apps.organization.operations import NewUtility, create_utility  # noqa: PLC0415
    from gridtill.apps.staff.operations import NewOperator, create_operator, ensure_default_roles  # noqa: PLC0415

    at = now()
    new = NewUtility(arguments.name, arguments.bureau, arguments.currency, arguments.time_zone)
    with transaction.atomic():
        bureau = create_utility(new=new, actor=SYSTEM, at=at)
        ensure_chart()
        ensure_default_roles(actor=SYSTEM, at=at)
        administrator = NewOperator(arguments.administrator, "Administrator", "administrator", bureau.parent_id or 0)
        create_operator(new=administrator, password=password, actor=SYSTEM, at=at)
