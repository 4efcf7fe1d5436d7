import io
import json
import sys

import pytest

from gridtill.ops.price import LINE_MAXIMUM, lines_of, main

pytestmark = pytest.mark.unit

FLAT = """
code = "F"
title = "Flat"
currency = "KES"
price_class = "residential"
valid_from = 2020-01-01
zone = "Africa/Nairobi"
[source]
name = "Made up"
[energy]
kind = "flat"
rate = "10.00"
"""


@pytest.fixture
def ask(monkeypatch, capsys):
    def run(text: str | bytes, *arguments: str) -> list[dict]:
        raw = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        assert main(list(arguments)) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_a_shipped_tariff_answers_money_with_energy(ask):
    answers = ask('{"money": "500.00", "at": "2017-05-02T10:00"}\n', "--tariff", "KE-DC-OLD")

    assert answers[0]["energy_kwh"] == "32.2"
    assert (answers[0]["money"], answers[0]["carry"]) == ("500.00", "0.59")
    assert [line["code"] for line in answers[0]["lines"]][:2] == ["fixed", "energy"]


def test_energy_is_answered_with_money_and_history_counts(ask):
    answers = ask(
        '{"energy_kwh": "1", "history": {"month_kwh": "200", "charged_through": "2019-12"}, '
        '"at": "2019-12-02T10:00:00+02:00"}',
        "--tariff",
        "zw-zetdc-2019",
    )

    assert answers[0]["money"] == "3.87"
    assert answers[0]["lines"] == [
        {
            "kind": "ENERGY",
            "code": "energy",
            "label": "Energy, block 3",
            "amount": "3.87",
            "energy_kwh": "1",
            "rate": "3.87",
        }
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x", "invalid_value"),
        ("[1]", "invalid_value"),
        ("[" * 60_000, "invalid_value"),
        (" " * LINE_MAXIMUM + "{}", "invalid_value"),
        ('{"money": "1", "energy_kwh": "1"}', "invalid_value"),
        ("{}", "invalid_value"),
        ('{"money": "1", "colour": 1}', "invalid_value"),
        ('{"money": "1", "history": 1}', "invalid_value"),
        ('{"money": "1", "history": {"a": 1}}', "tariff_invalid"),
        ('{"money": "1", "at": "soon"}', "invalid_value"),
        ('{"money": "1", "at": "0001-01-01T00:00:00+14:00"}', "invalid_value"),
        ('{"money": "1", "at": "2500-01-01"}', "invalid_value"),
        ('{"money": "1", "at": "2019-12-31T20:59:59Z"}', "tariff_not_valid"),
        ('{"money": "many"}', "invalid_value"),
        ('{"money": NaN}', "invalid_value"),
        ('{"money": "0.50"}', "amount_too_small"),
        ('{"energy_kwh": "0"}', "nothing_to_buy"),
        (b'{"money": "\xff"}', "invalid_value"),
    ],
)
def test_a_bad_line_answers_and_the_next_goes_on(ask, tmp_path, line, code):
    path = tmp_path / "flat.toml"
    path.write_text(FLAT)
    raw = line if isinstance(line, bytes) else line.encode()

    answers = ask(raw + b'\n\n{"money": 100}', "--tariff", str(path))

    assert answers[0]["error"]["code"] == code
    assert set(answers[0]["error"]) == {"code", "message", "remedy"}
    assert answers[1]["energy_kwh"] == "10"


def test_the_zone_of_the_tariff_places_a_moment_and_an_option_overrides_it(ask, tmp_path):
    path = tmp_path / "flat.toml"
    path.write_text(FLAT)
    line = '{"money": "10", "at": "2019-12-31T21:00:00Z"}'

    assert ask(line, "--tariff", str(path))[0]["energy_kwh"] == "1"
    assert ask(line, "--tariff", str(path), "--zone", "UTC")[0]["error"]["code"] == "tariff_not_valid"


@pytest.mark.parametrize(
    ("tariff", "words"),
    [("nowhere", "neither a file nor"), ("../quote", "neither a file nor"), ("\0", "neither a file nor")],
)
def test_a_tariff_that_is_not_there_ends_with_two(capsys, tariff, words):
    assert main(["--tariff", tariff]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"code = 1", "currency must be text"), (b"\xff", "cannot be read"), (b"#" * 300_000, "larger than 256 KiB")],
)
def test_a_tariff_that_is_wrong_ends_with_two(capsys, tmp_path, content, words):
    path = tmp_path / "wrong.toml"
    path.write_bytes(content)

    assert main(["--tariff", str(path)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd"])
def test_an_unknown_zone_ends_with_two(capsys, tmp_path, zone):
    path = tmp_path / "flat.toml"
    path.write_text(FLAT)

    assert main(["--tariff", str(path), "--zone", zone]) == 2
    assert "time zone" in capsys.readouterr().err


def test_a_line_without_end_does_not_fill_the_memory():
    stream = io.BytesIO(b"a" * (3 * LINE_MAXIMUM) + b"\nnext\n" + b"b" * (2 * LINE_MAXIMUM))

    lines = list(lines_of(stream))

    assert [len(line) for line in lines] == [LINE_MAXIMUM + 1, 5, LINE_MAXIMUM + 1]
