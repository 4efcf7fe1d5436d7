import os
import socket
import threading
from dataclasses import replace

import pytest

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.vending.models import Delivery, ReceiptPrint, SalesDocument
from gridtill.apps.vending.operations.deliver import issue_token
from gridtill.kernel.clock import now
from gridtill.reports.receipt.code import make_code
from gridtill.reports.receipt.document import Face, read_receipt
from gridtill.web.receipts import views
from tests.factories.sales import sell, take_back
from tests.factories.scene import actor_for, make_operator, make_supply, make_unit

pytestmark = [pytest.mark.web, pytest.mark.django_db]


@pytest.fixture
def vend(scene):
    made = sell(scene, make_supply(scene).pk)
    issue_token(vend_id=made.pk, actor=scene.asha, at=now())
    return made


@pytest.fixture
def desk(scene, enter):
    return enter(scene.asha)


@pytest.fixture
def device(tmp_path, settings):
    """A device file whose other end the test reads."""
    path = tmp_path / "lp0"
    os.mkfifo(path)
    settings.PRINTER_URL = f"file://{path}"
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield reader
    os.close(reader)


def forms():
    return list(ReceiptPrint.objects.order_by("copy_number").values_list("copy_number", "form"))


def paper(device):
    return os.read(device, 100_000).decode("cp1252")


def said(desk, vend):
    return [str(message) for message in desk.get(f"/counter/sold/{vend.pk}/").context["messages"]]


@pytest.mark.parametrize(("query", "form"), [("", "pdf 80"), ("?paper=80", "pdf 80"), ("?paper=a4", "pdf a4")])
def test_pdf_is_given_counted_and_kept_out_of_caches(desk, vend, query, form):
    answer = desk.post(f"/receipts/{vend.pk}.pdf{query}")

    assert answer.content.startswith(b"%PDF-")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/pdf", "private, no-store")
    assert f'filename="{vend.number}.pdf"' in answer["Content-Disposition"]
    assert forms() == [(0, form)]


def test_second_pdf_is_a_copy_without_a_new_number(desk, vend):
    documents = SalesDocument.objects.count()
    first, second = (desk.post(f"/receipts/{vend.pk}.pdf").content for _time in range(2))

    assert first != second
    assert forms() == [(0, "pdf 80"), (1, "pdf 80")]
    assert AuditRecord.objects.filter(action="vending.receipt.reprinted").count() == 1
    assert SalesDocument.objects.count() == documents


def test_looking_at_the_address_counts_nothing(desk, vend):
    assert desk.get(f"/receipts/{vend.pk}.pdf")["Location"] == f"/counter/sold/{vend.pk}/"
    assert desk.get(f"/receipts/{vend.pk}/print")["Location"] == f"/counter/sold/{vend.pk}/"
    assert forms() == []


def test_unknown_paper_is_not_found_and_not_counted(desk, vend):
    assert desk.post(f"/receipts/{vend.pk}.pdf?paper=a3").status_code == 404
    assert forms() == []


@pytest.mark.parametrize("address", ["/receipts/{}.pdf", "/receipts/{}/print"])
def test_receipts_need_a_right_an_own_unit_and_the_right_to_reprint(scene, enter, vend, device, address):
    path = address.format(vend.pk)
    office = make_unit("SUPPLY_OFFICE", "S9", make_unit("BUREAU", "B9", scene.utility))
    far = actor_for(make_operator("zola", "Zola Far", office), scene.asha.permissions)
    reader = enter(replace(scene.asha, permissions=frozenset({"vend.view"})))

    assert reader.post(path).status_code == 403
    assert enter(far).post(path).status_code == 404
    seller = enter(replace(scene.asha, permissions=frozenset({"vend.sell"})))
    assert seller.post(path).status_code in {200, 302}
    assert seller.post(path).status_code == 403
    assert len(forms()) == 1


def test_printer_gets_token_blocks_and_code(desk, vend, device):
    answer = desk.post(f"/receipts/{vend.pk}/print")
    strip = paper(device)
    token = Delivery.objects.get().token
    code = make_code(SalesDocument.objects.get(number=vend.number).pk, "5ce8e")

    assert answer["Location"] == f"/counter/sold/{vend.pk}/"
    assert f"{token[:4]} {token[4:8]} {token[8:12]}" in strip
    assert f"{'Energy':<36}100.00" in strip
    assert "5 kWh × 20.00" in strip
    assert f"http://testserver/r/{code}" in strip
    assert "COPY" not in strip
    assert said(desk, vend) == ["The receipt was sent to the printer."]


def test_second_print_says_copy(desk, vend, device):
    desk.post(f"/receipts/{vend.pk}.pdf")
    desk.post(f"/receipts/{vend.pk}/print")

    assert "COPY 1" in paper(device)
    assert forms() == [(0, "pdf 80"), (1, "printer")]


def test_recovered_purchase_is_printed_without_its_token(scene, desk, vend, device):
    token = Delivery.objects.get().token
    take_back(scene, vend)
    desk.post(f"/receipts/{vend.pk}/print")
    strip = paper(device)

    assert "TAKEN BACK" in strip
    assert token[:4] + " " + token[4:8] not in strip


def test_supervisor_who_cannot_sell_prints_no_token(scene, enter, vend, device):
    enter(replace(scene.bram, permissions=frozenset({"vend.reprint"}))).post(f"/receipts/{vend.pk}/print")

    assert vend.number in paper(device)
    assert Delivery.objects.get().revealed_at is None


@pytest.mark.parametrize("url", ["", "tcp://127.0.0.1:1", "file:///nowhere/lp0"])
def test_printer_that_is_not_reached_leaves_the_original_unprinted(desk, vend, settings, url):
    settings.PRINTER_URL = url
    desk.post(f"/receipts/{vend.pk}/print")

    assert forms() == []
    assert "The PDF works meanwhile." in said(desk, vend)[0]


def test_printer_that_breaks_off_may_have_printed(desk, vend, settings):
    server = socket.create_server(("127.0.0.1", 0))
    settings.PRINTER_URL = f"tcp://127.0.0.1:{server.getsockname()[1]}"

    def break_off():
        connection, _address = server.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.recv(10)
        connection.close()

    breaker = threading.Thread(target=break_off)
    breaker.start()
    desk.post(f"/receipts/{vend.pk}/print")
    breaker.join(10)
    server.close()

    assert forms() == [(0, "printer")]
    assert "may be on paper or not" in said(desk, vend)[0]


def test_result_page_offers_the_printer_only_where_there_is_one(desk, vend, settings):
    settings.PRINTER_URL = ""
    without = desk.get(f"/counter/sold/{vend.pk}/").content.decode()
    settings.PRINTER_URL = "tcp://printer"
    with_one = desk.get(f"/counter/sold/{vend.pk}/").content.decode()

    assert f'action="/receipts/{vend.pk}.pdf"' in without
    assert f"/receipts/{vend.pk}/print" not in without
    assert f'formaction="/receipts/{vend.pk}/print"' in with_one


def test_languages_that_the_paper_has_no_letters_for_are_printed_in_english():
    from django.utils import translation

    with translation.override("ar"):
        assert views._paper_language(views._PRINTER_LANGUAGES) == "en"
    with translation.override("zh-hans"):
        assert views._paper_language(views._PDF_LANGUAGES) == "zh-hans"
        assert views._paper_language(views._PRINTER_LANGUAGES) == "en"


def test_receipt_is_read_from_the_sales_document(vend):
    import json

    payload = json.loads(SalesDocument.objects.get(number=vend.number).payload)
    receipt = read_receipt(payload, Face(utility_name="Harbour Power"))

    assert (receipt.number, receipt.total_minor, receipt.energy_wh) == (vend.number, 100_00, 5_000)
    assert sum(line.amount_minor for line in receipt.lines) == receipt.total_minor
    assert (receipt.meter.number, receipt.change_minor) == (vend.meter.number, 0)
    assert receipt.at.utcoffset().total_seconds() == 3 * 3600


def test_who_may_reprint_is_offered_it_without_seeing_the_token(scene, enter, vend):
    offer = f'action="/receipts/{vend.pk}.pdf"'
    path = f"/counter/sold/{vend.pk}/"
    reader = enter(replace(scene.asha, permissions=frozenset({"vend.view"})))
    assert offer not in reader.get(path).content.decode()

    checker = enter(replace(scene.bram, permissions=frozenset({"vend.view", "vend.reprint"})))
    page = checker.get(path).content.decode()
    assert offer in page
    assert Delivery.objects.get().token[:4] not in page


def test_recovered_purchase_can_still_be_printed(scene, desk, vend):
    take_back(scene, vend)

    assert f'action="/receipts/{vend.pk}.pdf"' in desk.get(f"/counter/sold/{vend.pk}/").content.decode()


def test_purchase_without_a_token_is_not_offered_on_paper_yet(scene, desk):
    unissued = sell(scene, make_supply(scene, 2).pk)

    assert f'action="/receipts/{unissued.pk}.pdf"' not in desk.get(f"/counter/sold/{unissued.pk}/").content.decode()
