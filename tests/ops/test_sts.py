import io
import json

import pytest

from gridtill.ops.sts import main
from gridtill.sts.sta import SAMPLE_TABLES

pytestmark = pytest.mark.unit
MISTY = "000102030405060708090a0b0c0d0e0f"
STA = ["--key", "0abc12def3456789", "--ea", "07"]
DEMO = ["--vending-key", "61" * 20, "--drn", "12345678903", "--sgc", "201457"]


def run(capsys, *arguments):
    code = main(arguments)
    output = capsys.readouterr()
    return code, output.out, output.err


def test_decode_tells_the_worked_example_in_words(capsys):
    code, out, err = run(capsys, "decode", "5104 3465 4434 2085 6213", *STA)

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "class: 0 credit, subclass 0",
        "energy: 25.6 kWh (256 units)",
        "token identifier: 1698595 (2017-03-25T13:55:00+00:00)",
        "random part: 11",
        "check sum: right",
    ]


def test_encoded_credit_decodes_to_itself(capsys):
    _, out, _ = run(capsys, "encode", *DEMO, "--value", "322", "--tid", "6612480", "--json")
    made = json.loads(out)
    code, out, _ = run(capsys, "decode", made["token"], *DEMO, "--json")

    assert code == 0
    assert json.loads(out) == {key: value for key, value in made.items() if key != "token"}
    assert json.loads(out) == {
        "class": 0,
        "class_name": "credit",
        "subclass": 0,
        "value": 322,
        "units": 322,
        "energy_kwh": "32.2",
        "tid": 6612480,
        "tid_at": "2026-07-29T00:00:00+00:00",
        "random": 5,
        "data": "0564e6000142",
        "crc_ok": True,
    }


def test_test_token_needs_no_key(capsys):
    code, out, _ = run(capsys, "encode", "--class", "1", "--value", "4")

    assert code == 0
    assert out.splitlines()[0] == "token: 0000 0000 0002 0132 8896"


@pytest.mark.parametrize(
    ("options", "value"),
    [(["--class", "2", "--subclass", "0", "--value", "256"], 256), (["--subclass", "4", "--value", "100000"], 100_004)],
)
def test_management_and_money_are_encoded(capsys, options, value):
    code, out, _ = run(capsys, "encode", "--key", MISTY, *options, "--json")

    assert (code, json.loads(out)["value"]) == (0, value)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["decode", "123", "--key", MISTY], "sts_wrong_length"),
        (["decode", "5" * 20, "--key", MISTY], "sts_wrong_crc"),
        (["decode", "51043465443420856213"], "sts_wrong_key"),
        (["decode", "5" * 20, "--key", "xy"], "sts_wrong_digit"),
        (["decode", "5" * 20, "--vending-key", "61" * 20], "sts_error"),
        (["decode", "5" * 20, *DEMO, "--drn", "12345678904"], "sts_wrong_check_digit"),
        (["encode", "--value", "1"], "sts_error"),
        (["encode", "--value", "1", "--class", "5", "--key", MISTY], "sts_error"),
    ],
)
def test_refusal_has_a_code_and_exit_1(capsys, arguments, code):
    exit_code, out, _ = run(capsys, *arguments, "--json")

    assert (exit_code, json.loads(out)["error"]["code"]) == (1, code)


def test_refusal_in_words_goes_to_standard_error(capsys):
    code, out, err = run(capsys, "decode", "123", "--key", MISTY)

    assert (code, out) == (1, "")
    assert err == "A token has 20 digits; this one has 3. Type the token again.\n"


@pytest.mark.parametrize("arguments", [[], ["guess"], ["decode"], ["encode", "--value", "x"]])
def test_misuse_is_exit_2(capsys, arguments):
    code, out, err = run(capsys, *arguments)

    assert (code, out) == (2, "")
    assert "gridtill sts" in err


KEY = {
    "dkga": "04",
    "vk": "61" * 20,
    "pan": "600727123456789030",
    "kt": 2,
    "sgc": "201457",
    "ti": "01",
    "krn": 1,
    "base": 2014,
    "ea": 11,
}
QUESTIONS = [
    ("pan", {"drn": "0100000000008"}, "000001000000000082"),
    ("drn_luhn", {"drn": "12345678903"}, True),
    ("drn_luhn", {"drn": "12345678904"}, False),
    ("amount_encode", {"units": 16385}, {"exponent": 1, "mantissa": 1, "field16": 16385, "decoded": 16394}),
    ("currency_encode", {"units_1e5": 100000}, {"se": 0, "amount16": 24746, "decoded_1e5": 100004}),
    ("crc", {"bytes7": "000b19eb230100", "currency": False}, "c207"),
    ("tid", {"date": "2014-01-01 01:00", "base": 2014}, 60),
    ("block_ea07", {"key": "0abc12def3456789", "block": "0b19eb230100c207"}, "c45ed1619406df95"),
    (
        "block_ea11",
        {"key": "00112233445566778899aabbccddeeff", "block": "0123456789abcdef"},
        "8b1da5f56ab3d07c",
    ),
    ("seal", {"cls": 0, "block": "c45ed1619406df95"}, "51043465443420856213"),
    ("test_token", {"cls": 1, "sub": 0, "control": 4, "mfr": 0}, "00000000000201328896"),
    ("test_token_raw", {"cls": 1, "top48": "000000000400"}, "00000000000201328896"),
]


def ask(capsys, monkeypatch, *questions):
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{question}\n" for question in questions)))
    assert main(["compute"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_kind_of_question_is_computed(capsys, monkeypatch):
    lines = [
        json.dumps({"id": number, "kind": kind, "inputs": inputs}) for number, (kind, inputs, _) in enumerate(QUESTIONS)
    ]

    answers = ask(capsys, monkeypatch, *lines)

    assert answers == [{"id": number, "result": result} for number, (_, _, result) in enumerate(QUESTIONS)]


TOKEN_QUESTIONS = [
    ("credit_token", {"key": KEY, "cls": 0, "sub": 0, "tid": 100, "rnd": 5, "units": 322}, "0500006401" + "42"),
    ("credit_token", {"key": KEY, "cls": 0, "sub": 1, "tid": 100, "rnd": 5, "amount16": 7}, "150000640007"),
    ("currency_token", {"key": KEY, "cls": 0, "sub": 4, "tid": 100, "units": 7}, "400000640007"),
    ("management_token", {"key": KEY, "cls": 2, "sub": 1, "tid": 100, "rnd": 5, "value16": 65535}, "15000064ffff"),
    ("key_change_section", {"old_key": KEY, "top48": "3a6a00112233"}, "3a6a00112233"),
]


@pytest.mark.parametrize(("kind", "inputs", "data"), TOKEN_QUESTIONS)
def test_computed_token_decodes_to_its_data(capsys, monkeypatch, kind, inputs, data):
    (answer,) = ask(capsys, monkeypatch, json.dumps({"id": "x", "kind": kind, "inputs": inputs}))
    _, out, _ = run(capsys, "decode", answer["result"], *DEMO, "--json")

    assert json.loads(out)["data"] == data


def test_computed_key_change_carries_the_computed_key(capsys, monkeypatch):
    new = {**KEY, "krn": 6}
    change = {"old_key": KEY, "new_key": new, "new_ken": 255, "ro": 0, "n_tokens": 4}

    tokens, key = ask(
        capsys,
        monkeypatch,
        json.dumps({"id": 1, "kind": "key_change_set", "inputs": change}),
        json.dumps({"id": 2, "kind": "decoder_key", "inputs": new}),
    )
    words = [json.loads(run(capsys, "decode", token, *DEMO, "--json")[1])["data"][4:] for token in tokens["result"]]

    assert words[0] + words[2] + words[3] + words[1] == key["result"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ('{"id": 1, "kind": "pan"}', "not a JSON object"),
        ('{"id": 1, "kind": "guess", "inputs": {}}', "no such kind: guess"),
        ('{"id": 1, "kind": ["pan"], "inputs": {}}', "no such kind"),
        ('{"id": 1, "kind": "pan", "inputs": {}}', "do not fit pan"),
        ('{"id": 1, "kind": "pan", "inputs": {"drn": "1"}}', "11 or 13 digits"),
    ],
)
def test_question_that_makes_no_sense_gets_an_error(capsys, monkeypatch, line, words):
    (answer,) = ask(capsys, monkeypatch, line, "")

    assert words in answer["error"]


def test_own_tables_come_from_a_file(capsys, tmp_path):
    path = tmp_path / "tables.json"
    content = {
        "format": "gridtill-sta-tables",
        "version": 1,
        "substitution_1": list(SAMPLE_TABLES.substitution_1),
        "substitution_2": list(SAMPLE_TABLES.substitution_2),
        "permutation": list(SAMPLE_TABLES.permutation),
        "check": {"key": "0abc12def3456789", "plain": "0b19eb230100c207", "cipher": "c45ed1619406df95"},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    code, out, _err = run(capsys, "decode", "5104 3465 4434 2085 6213", *STA, "--sta-tables", str(path))
    assert (code, "25.6 kWh" in out) == (0, True)

    path.write_text(json.dumps(content | {"permutation": list(range(64))}), encoding="utf-8")
    code, _out, err = run(capsys, "decode", "5104 3465 4434 2085 6213", *STA, "--sta-tables", str(path))
    assert (code, "a number in them is wrong" in err) == (1, True)
    code, _out, err = run(capsys, "decode", "5104 3465 4434 2085 6213", *STA, "--sta-tables", str(tmp_path / "none"))
    assert (code, "cannot be read" in err) == (1, True)
