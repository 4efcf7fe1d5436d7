from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gridtill.apps.audit.models import AuditRecord
from gridtill.apps.audit.operations import record_write
from gridtill.apps.staff.models import Operator, Role
from gridtill.kernel.actors import SYSTEM
from gridtill.web.staff.log import act_in_words, shown

pytestmark = [pytest.mark.web, pytest.mark.django_db]
LATE = datetime(2026, 11, 22, 20, 59, tzinfo=UTC)  # one minute before midnight in Nairobi
MIDNIGHT = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


def written(scene, at=MIDNIGHT, actor=None, action="staff.operator.tried", unit=None, **values):
    record_write(
        actor=actor or scene.bram,
        at=at,
        action=action,
        subject=Operator.objects.get(pk=scene.asha.id),
        unit_path=(unit or scene.bureau).path,
        **values,
    )
    return AuditRecord.objects.latest("id")


def found(client, query=""):
    return [row.record.pk for row in client.get(f"/log/?{query}").context["list"].table.paginated_rows]


def test_log_ends_at_ones_unit(bureau, scene):
    own = written(scene)
    above = written(scene, unit=scene.utility)

    assert own.pk in found(bureau)
    assert above.pk not in found(bureau)
    assert bureau.get(f"/log/{own.pk}/").status_code == 200
    assert bureau.get(f"/log/{above.pk}/").status_code == 404


@pytest.mark.parametrize("url", ["/log/", "/log/1/", "/log/?export=csv"])
def test_log_needs_the_right(scene, enter, url):
    assert enter(scene.asha).get(url).status_code == 403


def test_days_are_those_of_the_utility(bureau, scene):
    late, next_day = written(scene, at=LATE), written(scene, at=MIDNIGHT)

    assert set(found(bureau, "q=tried&until=2026-11-22")) == {late.pk}
    assert set(found(bureau, "q=tried&since=2026-11-23")) == {next_day.pk}


@pytest.mark.parametrize("query", ["since=0001-01-01", "until=9999-12-31", "since=soon"])
def test_day_that_cannot_be_is_refused_beside_its_field(bureau, scene, query):
    written(scene)

    answer = bureau.get(f"/log/?{query}")

    assert answer.status_code == 200
    assert list(answer.context["list"].table.rows) == []
    assert 'class="fld fld-date err"' in answer.content.decode()


def test_log_is_filtered_by_area_and_by_people(bureau, scene):
    person, system = written(scene), written(scene, actor=SYSTEM)
    other = written(scene, action="vending.day.tried")

    assert set(found(bureau, "q=tried&area=vending&by=people")) == {other.pk}
    assert set(found(bureau, "q=tried&area=staff&by=people")) == {person.pk}
    assert set(found(bureau, "q=tried&by=system")) == {system.pk}


def test_list_asks_the_database_equally_for_one_row_and_three(bureau, scene):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert bureau.get("/log/?q=tried").status_code == 200
        return len(queries)

    change = {"before": {"unit_id": "1"}, "after": {"unit_id": "2"}}
    written(scene, **change)
    asked()
    first = asked()
    written(scene, **change)
    written(scene, **change)

    assert asked() == first


def test_long_log_has_a_next_page_without_being_counted(bureau, scene):
    for _number in range(26):
        written(scene)

    with CaptureQueriesContext(connection) as queries:
        text = bureau.get("/log/?q=tried").content.decode()

    assert 'rel="next"' in text
    assert not [query for query in queries if "COUNT(*)" in query["sql"] and "audit_auditrecord" in query["sql"]]
    assert len(found(bureau, "q=tried&page=2")) == 1


def test_line_says_what_changed_and_the_file_says_all_of_it(bureau, scene):
    names = {"full_name": "Asha", "phone": "1", "email": "a@b.example", "language": "en", "role_id": "7"}
    after = {"full_name": "Asha M", "phone": "2", "email": "", "language": "fr", "role_id": "8"}
    written(scene, before=names, after=after, reason="She married")

    line = bureau.get("/log/?q=tried").content.decode()
    file = b"".join(bureau.get("/log/?q=tried&export=csv").streaming_content).decode("utf-8-sig").splitlines()

    assert "Email: a@b.example → —; Full name: Asha → Asha M; Language: en → fr (+2)" in line
    assert "Phone: 1 → 2; Role: 7 → 8" in file[1]
    assert file[1].startswith("2026-11-23 00:00:00,Bram Otieno,Operator: tried,Operator ")
    assert file[1].endswith(",She married")


def test_moments_in_a_line_are_those_of_the_utility(bureau, scene):
    written(scene, before={"last_login": None}, after={"last_login": LATE.isoformat()})

    assert "Last login: — → 2026-11-22 23:59" in bureau.get("/log/?q=tried").content.decode()


def test_record_shows_before_and_after_by_name(bureau, scene):
    role = Role.objects.get(code="cashier")
    record = written(
        scene,
        before={"unit_id": str(scene.office.pk), "is_active": "True", "last_login": None},
        after={"unit_id": str(scene.bureau.pk), "is_active": "False", "last_login": MIDNIGHT.isoformat()},
    )
    added = written(scene, after={"role_id": str(role.pk)})

    text = bureau.get(f"/log/{record.pk}/").content.decode()

    assert '<td class="cell-bad"><bdi>S1 S1</bdi></td><td class="cell-new"><bdi>B1 B1</bdi></td>' in text
    assert '<td class="cell-bad"><bdi>yes</bdi></td><td class="cell-new"><bdi>no</bdi></td>' in text
    assert "<td><bdi>—</bdi></td>" in text
    assert "23 Nov 2026 00:00" in text
    assert "Asha Mwangi" in text
    assert "<bdi>Cashier</bdi>" in bureau.get(f"/log/{added.pk}/").content.decode()


def test_record_of_an_act_without_fields_says_so(bureau, scene):
    record = written(scene)

    assert "The act itself is all there is to tell" in bureau.get(f"/log/{record.pk}/").content.decode()


def test_rights_given_and_taken_are_told_apart(office, chief):
    role = Role.objects.get(code="cashier")
    office.post("/roles/", {f"version-{role.pk}": 0, "tick": [f"{role.pk}:vend.sell", f"{role.pk}:tariff.view"]})
    record = AuditRecord.objects.get(action="staff.role.modified")

    text = office.get(f"/log/{record.pk}/").content.decode()

    assert '<td class="cell-new"><bdi>See tariffs</bdi></td>' in text
    assert "Sell at a counter" not in text
    assert "Recover purchases" in text


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("amount_minor", "150050", "KES 1,500.50"),
        ("amount_minor", "all", "all"),
        ("credit_wh", "12300", "12.3 kWh"),
        ("name", "", "—"),
        ("day", date(2026, 11, 23), "2026-11-23"),
        ("list", ["a", "vend.sell"], "a, Sell at a counter"),
    ],
)
def test_values_are_shown_as_people_read_them(field, value, words):
    assert words in shown(field, value, "KES")


@pytest.mark.parametrize(
    ("action", "words"),
    [("vending.vend.reversed", "Vend: reversed"), ("vending.day", "Day"), ("odd", ""), ("a.b_c.d_e", "B c: d e")],
)
def test_act_is_said_in_words(action, words):
    assert act_in_words(action) == words
