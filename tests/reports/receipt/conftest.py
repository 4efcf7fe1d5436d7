from datetime import UTC, datetime

import pytest

from gridtill.reports.receipt.document import (
    Face,
    ReceiptDebt,
    ReceiptDocument,
    ReceiptLine,
    ReceiptMeter,
    ReceiptTender,
)


@pytest.fixture
def receipt():
    """Two blocks, a tax, a debt, cash with change; every number can be checked by hand."""
    face = Face(
        utility_name="Harbour Power",
        header="PIN P051",
        footer="Help 0800",
        tokens=("12345678901234567890",),
        check_url="https://tokens.example/r/ABCDEFGH",
    )
    return ReceiptDocument(
        face=face,
        number="T01-00000007",
        at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        office="North",
        till="T01",
        cashier="Asha Mwangi",
        customer_name="Amina Juma",
        customer_number="C000001",
        meter=ReceiptMeter("37000000016", "201457", "1", "07"),
        tariff="Two blocks",
        currency="KES",
        total_minor=1_500_00,
        change_minor=500_00,
        energy_wh=80_000,
        lines=(
            ReceiptLine("Block 1", 1_000_00, 50_000, "20.00"),
            ReceiptLine("Block 2", 300_00, 30_000, "10.00"),
            ReceiptLine("VAT", 100_00),
            ReceiptLine("Old debt", 100_00),
        ),
        tenders=(ReceiptTender("Cash", 1_500_00),),
        debts=(ReceiptDebt("Old debt", 900_00, 800_00),),
    )
