from datetime import UTC, datetime

import django_filters
import django_tables2
import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.db import connection
from django.forms import RadioSelect
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from gridtill.apps.staff.choices import SignInOutcome
from gridtill.apps.staff.models import SignIn
from gridtill.kernel.actors import SYSTEM
from gridtill.web import lists, shell
from gridtill.web.columns import ChooseColumn, MomentColumn, NameColumn, StateColumn
from gridtill.web.lists import Empty, ListSpec, build_list, list_page

pytestmark = [pytest.mark.db, pytest.mark.django_db]

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class SignInTable(django_tables2.Table):
    chosen = ChooseColumn()
    username = NameColumn(verbose_name="Name", linkify=lambda record: f"#{record.pk}")
    at = MomentColumn(verbose_name="At")
    outcome = StateColumn(verbose_name="Outcome")
    device = django_tables2.Column(verbose_name="Device")


class SignInFilter(django_filters.FilterSet):
    outcome = django_filters.ChoiceFilter(choices=SignInOutcome.choices, widget=RadioSelect)
    at = django_filters.DateFilter(lookup_expr="date")

    class Meta:
        model = SignIn
        fields = []


SPEC = ListSpec(
    name="sign-ins",
    table=SignInTable,
    filters=SignInFilter,
    search=lambda rows, text: rows.filter(username__icontains=text),
    hidden=("device",),
    fixed=("username",),
    chips="outcome",
    per_page=25,
    empty=Empty("Nobody signed in yet", "They will."),
)


@pytest.fixture(autouse=True)
def _bare_frame(settings, monkeypatch):
    """The frame without the areas' own figures, so that only the list's queries are counted."""
    settings.ROOT_URLCONF = "gridtill.web.shell_urls"
    monkeypatch.setattr(shell, "sources", shell.Sources())


def asked(query="", session=None, **headers):
    request = RequestFactory().get(f"/sign-ins/?{query}", headers=headers)
    request.session = SessionStore() if session is None else session
    request.actor = SYSTEM
    request.htmx = "HX-Request" in headers
    return request


def add(count, **values):
    SignIn.objects.bulk_create(
        SignIn(**{"username": f"user{number:03d}", "at": AT, "outcome": "OK", **values}) for number in range(count)
    )


def rows():
    return SignIn.objects.order_by("pk")


def shown(query="", **options):
    return [row.record.username for row in build_list(asked(query, **options), SPEC, rows()).table.paginated_rows]


def page(query="", **options):
    return list_page(asked(query, **options), SPEC, rows(), title="Sign-ins").content.decode()


def test_search_and_filter_narrow_the_rows():
    add(3)
    add(1, username="asha", outcome="LOCKED")

    assert shown("q=ash") == ["asha"]
    assert shown("outcome=LOCKED") == ["asha"]
    assert shown("q=ash&outcome=OK") == []


def test_wrong_filter_value_shows_its_error_and_no_rows():
    add(2)

    assert shown("at=yesterday") == []
    assert "Enter a valid date." in page("at=yesterday")


def test_sort_and_page_come_from_the_address():
    add(30)

    assert shown("sort=-username")[0] == "user029"
    assert shown("page=2") == [f"user{number:03d}" for number in range(25, 30)]


@pytest.mark.parametrize("query", ["page=999", "page=x", "sort=nothing", "per_page=100000", "q=" + "a" * 5000])
def test_nonsense_in_the_address_does_not_break_the_list(query):
    add(1)

    assert list_page(asked(query), SPEC, rows(), title="Sign-ins").status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_list_asks_the_database_twice_whatever_its_length(count):
    add(count)

    with CaptureQueriesContext(connection) as queries:
        page()

    assert len(queries) == 2


def test_empty_list_says_what_is_missing_but_a_search_says_it_found_nothing():
    assert "Nobody signed in yet" in page()
    assert "Nothing matches “zz”" in page("q=zz")


def test_picked_columns_are_remembered_and_the_address_stays():
    add(1)
    session = SessionStore()

    answer = build_list(asked("q=user&pick=1&columns=device&columns=nonsense", session), SPEC, rows()).response
    view = build_list(asked("", session), SPEC, rows())

    assert answer.headers["Location"] == "/sign-ins/?q=user"
    assert [choice.name for choice in view.columns if choice.shown] == ["device"]
    assert session["columns:sign-ins"] == ["device"]


def test_hidden_columns_wait_to_be_picked():
    view = build_list(asked(), SPEC, rows())

    assert [(choice.name, choice.shown) for choice in view.columns] == [
        ("at", True),
        ("outcome", True),
        ("device", False),
    ]


def test_export_writes_all_pages_with_the_columns_on_screen():
    add(30)
    add(1, username="=cmd", device="Firefox")

    answer = build_list(asked("export=csv&sort=-username"), SPEC, rows()).response
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()

    assert lines[0] == "Name,At,Outcome"
    assert lines[1] == "user029,2026-11-22 08:00:00,Signed in"
    assert lines[-1] == "'=cmd,2026-11-22 08:00:00,Signed in"
    assert len(lines) == 32


def test_export_is_read_in_pieces_without_repeating_the_header(monkeypatch):
    monkeypatch.setattr(lists, "_EXPORT_CHUNK", 2)
    add(5)

    answer = build_list(asked("export=csv"), SPEC, rows()).response

    assert b"".join(answer.streaming_content).count(b"Name") == 1


def test_export_that_is_too_long_is_refused_on_the_page(monkeypatch):
    monkeypatch.setattr(lists, "MAX_EXPORT_ROWS", 2)
    add(3)

    answer = list_page(asked("export=xlsx"), SPEC, rows(), title="Sign-ins")

    assert answer.status_code == 422
    assert "The list has more than 2 rows." in answer.content.decode()


def test_spreadsheet_export_is_a_file():
    add(2)

    answer = build_list(asked("export=xlsx"), SPEC, rows()).response

    assert answer.headers["Content-Disposition"].startswith('attachment; filename="sign-ins-')
    assert b"".join(answer.streaming_content)[:2] == b"PK"
    answer.close()


def test_typing_in_the_list_answers_with_the_rows_alone():
    add(1)

    view = build_list(asked("q=user", **{"HX-Request": "true", "HX-Target": "list-sign-ins"}), SPEC, rows())

    text = view.response.content.decode()
    assert "<html" not in text
    assert 'id="list-sign-ins"' in text


def test_parameters_of_the_page_around_are_carried_along():
    view = build_list(asked("node=7&q=a&sort=at&page=2&outcome=OK"), SPEC, rows())

    assert view.kept == [("node", "7")]
    assert view.clear_url == "/sign-ins/?node=7"


def test_hostile_text_is_escaped_in_cells():
    add(1, username="<script>x</script>")

    assert "<script>x" not in page()
