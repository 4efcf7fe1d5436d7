import csv
from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gridtill.apps.assets.models import Collector, ImportBatch, Meter
from gridtill.kernel.ids import new_id
from gridtill.reports.exporters import write_xlsx
from gridtill.reports.sheets import BYTES_MAXIMUM
from tests.factories.scene import meter_number

pytestmark = [pytest.mark.web, pytest.mark.django_db]
RIGHTS = frozenset({"assets.view", "assets.import"})
HEADINGS = ("Asset No.", "Meter No.", "Manufacturer")


@pytest.fixture
def clerk(scene, enter):
    return enter(replace(scene.bram, permissions=RIGHTS))


def row(serial, maker="Acme"):
    return (f"M{serial:06d}", meter_number(serial), maker)


def csv_of(*rows, headings=HEADINGS):
    return "\n".join(",".join(cells) for cells in (headings, *rows)).encode()


def upload(scene, clerk, *rows, headings=HEADINGS, content=None, slug="meters", request_id=None):
    file = SimpleUploadedFile("new meters.csv", csv_of(*rows, headings=headings) if content is None else content)
    fields = {"request_id": str(request_id or new_id()), "store": scene.office.pk, "file": file}
    return clerk.post(f"/assets/{slug}/import/", fields)


def bytes_of(answer):
    content = b"".join(answer.streaming_content)
    # Not answer.close(), which ends the request and with it the connection that the test's rows live in.
    if (file := getattr(answer, "file_to_stream", None)) is not None:
        file.close()
    return content


def text_of(answer):
    return bytes_of(answer).decode("utf-8-sig")


def test_understood_headings_lead_straight_to_the_check(scene, clerk):
    answer = upload(scene, clerk, row(1))
    batch = ImportBatch.objects.get()
    page = clerk.get(answer["Location"]).content.decode()

    assert answer["Location"] == f"/assets/meters/import/{batch.pk}/"
    assert "Import 1 row" in page
    assert "new meters.csv" in page
    assert not Meter.objects.exists()


def test_good_rows_are_imported_once(scene, clerk):
    url = upload(scene, clerk, row(1), row(2))["Location"]
    answer = clerk.post(url)
    again = clerk.post(url, follow=True)

    assert answer["Location"] == url
    assert sorted(Meter.objects.values_list("asset_number", "maker")) == [("M000001", "Acme"), ("M000002", "Acme")]
    assert "Imported" in again.content.decode()
    assert Meter.objects.count() == 2


def test_uploading_twice_stages_once(scene, clerk):
    request_id = new_id()
    first = upload(scene, clerk, row(1), request_id=request_id)
    second = upload(scene, clerk, row(1), request_id=request_id)

    assert first["Location"] == second["Location"]
    assert ImportBatch.objects.count() == 1


def test_another_file_on_the_same_page_is_another_upload(scene, clerk):
    request_id = new_id()
    upload(scene, clerk, row(1), request_id=request_id)
    second = upload(scene, clerk, row(2), request_id=request_id)["Location"]

    assert ImportBatch.objects.count() == 2
    assert "M000002" in clerk.get(second).content.decode()


def test_wrong_cells_are_marked_and_stop_the_import_unless_accepted(scene, clerk):
    url = upload(scene, clerk, row(1), ("M000002", "123", "Acme"))["Location"]
    page = clerk.get(url).content.decode()
    refused = clerk.post(url)

    assert '<td class="cell-bad"><bdi>123</bdi>' in page
    assert "Meter number: A meter number has 11 or 13 digits; this one has 3." in page
    assert "Import the good row" in page
    assert refused.status_code == 422
    assert "1 of 2 rows are wrong. Nothing was imported." in refused.content.decode()
    assert not Meter.objects.exists()

    clerk.post(url, {"accept": "1"})
    assert list(Meter.objects.values_list("asset_number", flat=True)) == ["M000001"]


def test_file_without_a_good_row_offers_no_import(scene, clerk):
    page = clerk.get(upload(scene, clerk, ("M000002", "123", "Acme"))["Location"]).content.decode()

    assert "Download the wrong row" in page
    assert 'name="accept"' not in page


def test_wrong_rows_are_downloaded_with_their_reasons_and_can_come_back(scene, clerk):
    url = upload(scene, clerk, row(1), ("M000002", "123", "Acme"))["Location"]
    answer = clerk.get(f"{url}wrong.csv")
    text = text_of(answer)
    lines = text.splitlines()

    assert "attachment" in answer["Content-Disposition"]
    assert lines[0] == "Asset No.,Meter No.,Manufacturer,Row,What is wrong"
    assert lines[1].startswith("M000002,123,Acme,3,Meter number: A meter number has")
    assert len(lines) == 2
    again = upload(scene, clerk, content=text.replace(",123,", f",{meter_number(2)},").encode())
    assert again["Location"].endswith("/columns/")


def test_change_shows_what_was_before(scene, clerk):
    Meter.objects.create(asset_number="M000001", number=meter_number(1), store=scene.office, maker="Old")
    url = upload(scene, clerk, row(1, "New"), row(2))["Location"]
    page = clerk.get(f"{url}?show=changed").content.decode()

    assert "Old → New" in page
    assert "M000002" not in page
    assert "No such rows" in clerk.get(f"{url}?show=same").content.decode()


def test_row_that_says_nothing_new_offers_no_import(scene, clerk):
    Meter.objects.create(asset_number="M000001", number=meter_number(1), store=scene.office, maker="Acme")
    page = clerk.get(upload(scene, clerk, row(1))["Location"]).content.decode()

    assert "Import 1 row" not in page


def test_unknown_headings_are_matched_by_hand(scene, clerk):
    url = upload(scene, clerk, row(1), headings=("Sticker", "Face", "Manufacturer"))["Location"]
    batch = ImportBatch.objects.get()
    asked = clerk.get(url).content.decode()
    refused = clerk.post(url, {"column-0": "", "column-1": "number", "column-2": "maker"})
    answer = clerk.post(url, {"column-0": "asset_number", "column-1": "number", "column-2": ""})

    assert url == f"/assets/meters/import/{batch.pk}/columns/"
    assert "Sticker" in asked
    assert "M000001" in asked
    assert refused.status_code == 422
    assert "No column holds the asset number." in refused.content.decode()
    assert answer["Location"] == f"/assets/meters/import/{batch.pk}/"
    clerk.post(answer["Location"])
    assert Meter.objects.get().maker == ""
    assert clerk.get(url)["Location"] == answer["Location"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Asset,Meter\n", "There are no rows below the headings."),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"x" * (BYTES_MAXIMUM + 1), "larger than 10 MB"),
    ],
)
def test_unreadable_file_is_told_beside_the_field(scene, clerk, content, words):
    answer = upload(scene, clerk, content=content)

    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors["file"])
    assert not ImportBatch.objects.exists()


@pytest.mark.parametrize("slug", ["meters", "concentrators", "collectors"])
def test_template_is_understood_when_it_comes_back(scene, clerk, slug):
    xlsx = bytes_of(clerk.get(f"/assets/{slug}/import/template.xlsx"))
    headings = next(csv.reader([text_of(clerk.get(f"/assets/{slug}/import/template.csv"))]))
    cells = {"Asset number": "A1", "Meter number": meter_number(1)}
    line = [cells.get(name, "") for name in headings]

    assert xlsx[:2] == b"PK"
    assert ("Meter number" in headings) == (slug == "meters")
    with write_xlsx(headings, [line]) as book:
        url = upload(scene, clerk, content=book.read(), slug=slug)["Location"]
    assert not url.endswith("/columns/")
    clerk.post(url)
    assert ImportBatch.objects.get().counts["new"] == 1


def test_template_of_another_form_is_not_found(clerk):
    assert clerk.get("/assets/meters/import/template.pdf").status_code == 404


def test_import_page_tells_what_the_columns_hold(clerk):
    assert "/assets/collectors/import/" in clerk.get("/assets/collectors/").content.decode()
    page = clerk.get("/assets/collectors/import/").content.decode()

    assert "What the columns may hold" in page
    assert "Channels" in page
    assert "Supply group code" not in page


def test_import_needs_the_right(scene, enter, clerk):
    url = upload(scene, clerk, row(1))["Location"]
    viewer = enter(replace(scene.bram, permissions=frozenset({"assets.view", "assets.edit"})))

    for path in (
        "/assets/meters/import/",
        "/assets/meters/import/template.csv",
        url,
        f"{url}columns/",
        f"{url}wrong.csv",
    ):
        assert viewer.get(path).status_code == 403
    assert "/import/" not in viewer.get("/assets/meters/").content.decode()


def test_import_of_somebody_else_is_not_found(scene, enter, clerk):
    url = upload(scene, clerk, row(1))["Location"]
    other = enter(replace(scene.asha, permissions=RIGHTS))

    assert other.get(url).status_code == 404
    assert other.post(url).status_code == 404
    assert clerk.get(url.replace("meters", "collectors")).status_code == 404
    assert not Collector.objects.exists()


def test_preview_is_paged_with_wrong_rows_first(scene, clerk):
    rows = [row(serial) for serial in range(1, 61)] + [("M000099", "1", "Acme")]
    url = upload(scene, clerk, *rows)["Location"]
    first, second = clerk.get(url), clerk.get(f"{url}?page=2")

    assert [line.number for line in first.context["lines"]][:2] == [62, 2]
    assert len(first.context["lines"]) == 50
    assert len(second.context["lines"]) == 11
