"""Chinese and French for what a cashier sees, and the other writing direction."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.utils import translation

from gridtill.kernel.errors import Refusal
from gridtill.kernel.money import parse_money
from gridtill.web.refusals import SENTENCES
from tests.factories.scene import make_supply

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "gridtill"
LANGUAGES = {"fr": "fr", "zh_Hans": "zh-hans"}
# Where a cashier's words stand: pages, their areas, and the names of states and kinds.
CASHIERS = re.compile(
    r"web/templates/(counter|till|balance|banking|records|accounts|receipts|sign_in|desktop|components|base|plain)"
    r"|web/(counter|till|balance|banking|records|accounts|sign_in|desktop|receipts)/"
    r"|web/(menu|shell|lists|approval|refusals|form_pages)\.py"
    r"|web/templatetags/receipts\.py|reports/receipt/|apps/(vending|customers)/"
)
PLACES = re.compile(r"%\(\w+\)s|%d|\{\w*[^}]*\}")


def entries(locale: str) -> list[tuple[str, str, list[str], str]]:
    """Read a catalogue: message, plural, translations and where it stands; one line a string, as it is written."""
    text = (SOURCE / "locale" / locale / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")
    found = []
    for block in text.split("\n\n"):
        message = re.search(r'^msgid "(.+)"$', block, re.MULTILINE)
        if message:
            plural = re.search(r'^msgid_plural "(.+)"$', block, re.MULTILINE)
            said = re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', block, re.MULTILINE)
            places = " ".join(re.findall(r"^#: (.+)$", block, re.MULTILINE))
            found.append((message[1], plural[1] if plural else "", said, places))
    return found


@pytest.mark.unit
@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_word_of_a_cashier_is_translated(locale):
    theirs = [entry for entry in entries(locale) if any(CASHIERS.search(place) for place in entry[3].split())]

    assert len(theirs) > 450
    assert [message for message, _plural, said, _places in theirs if not said or not all(said)] == []


@pytest.mark.unit
@pytest.mark.parametrize("locale", LANGUAGES)
def test_translations_keep_what_is_filled_in(locale):
    for message, plural, said, _places in entries(locale):
        for text in filter(None, said):
            assert sorted(PLACES.findall(text)) == sorted(PLACES.findall(plural or message)), message


def raised_sentences():
    areas = ("apps/vending", "apps/customers", "usecases", "web/counter", "web/till", "web/records", "web/accounts")
    folders = [path for area in areas for path in (SOURCE / area).rglob("*.py")]
    single = (
        "apps/staff/operations/own.py", "kernel/money.py", "kernel/energy.py", "kernel/actors.py", "web/lists.py",
        "tariff/quote.py", "tariff/debts.py", "tariff/frame.py", "tariff/price.py", "tariff/terms.py",
    )  # fmt: skip
    for path in [*folders, *(SOURCE / name for name in single)]:
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "remedy":
                yield from (part for part in [getattr(node.value, "value", "")] if part)
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                if getattr(node.exc.func, "id", "") in {"IntegrityError", "ValueError", "TypeError"}:
                    continue
                said = node.exc.args[:1] + [word.value for word in node.exc.keywords if word.arg == "remedy"]
                # A sentence that is put together where it is raised is in no catalogue; shown, it fails.
                yield from (ast.unparse(part) for part in said if isinstance(part, ast.JoinedStr))
                yield from (part.value for part in said if isinstance(part, ast.Constant) and part.value)


@pytest.mark.unit
def test_every_sentence_of_a_refusal_is_among_those_translated():
    raised = set(raised_sentences())

    assert len(raised) > 120
    assert raised - set(SENTENCES) == set()


@pytest.mark.unit
def test_refusal_speaks_the_readers_language_and_logs_english():
    with translation.override("fr"), pytest.raises(Refusal) as refused:
        parse_money("abc", "KES")
    with translation.override("fr"):
        assert refused.value.message == "« abc » n’est pas un montant."
    with translation.override("zh-hans"):
        assert refused.value.message == "“abc”不是金额。"
    assert str(refused.value) == "“abc” is not an amount."


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("fr", "Ce que le client reçoit"), ("zh-hans", "客户所得")])
def test_counter_speaks_the_language_that_was_chosen(scene, enter, language, words):
    supply = make_supply(scene)
    desk = enter(scene.asha)
    desk.cookies["gridtill_language"] = language

    assert words in desk.get(f"/counter/quote/{supply.pk}/", {"amount": "100"}).content.decode()
    assert f'<html lang="{language}" dir="ltr"' in desk.get("/counter/").content.decode()


@pytest.mark.django_db
def test_page_runs_from_right_to_left_where_the_language_does(scene, enter):
    desk = enter(scene.asha)
    desk.cookies["gridtill_language"] = "ar"
    page = desk.get("/counter/").content.decode()

    assert '<html lang="ar" dir="rtl"' in page
    assert "tabler.rtl.min.css" in page


@pytest.mark.unit
def test_styles_name_start_and_end_instead_of_left_and_right():
    sided = re.compile(
        r"^\s*(margin|padding|border)-(left|right)\b|^\s*(left|right):|text-align:\s*(left|right)\b", re.MULTILINE
    )
    wrong = {path.name: sided.findall(path.read_text()) for path in (SOURCE / "web/static/app").glob("*.css")}

    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.unit
def test_catalogues_know_the_words_of_a_cashiers_pages():
    """A page that gained a word since the catalogues were made is found here."""
    known = {message for message, *_rest in entries("fr")}
    pages = [path for path in (SOURCE / "web/templates").rglob("*.html") if CASHIERS.search(str(path))]
    said = {
        text.replace('"', '\\"')
        for path in pages
        for _quote, text in re.findall(r"{% trans ([\"'])(.*?)\1", path.read_text(encoding="utf-8"))
    }

    assert len(said) > 250
    assert said - known == set()
