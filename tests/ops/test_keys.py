"""Splitting keys and sealing key files, as whoever makes keys does it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from gridtill.drivers.security.keyfile import open_key_file
from gridtill.ops.keys import main
from gridtill.sts.keys import check_value

pytestmark = pytest.mark.unit
KEY = bytes(range(20))
PASSPHRASE = "correct horse battery staple"


def split(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    code = main(["split"])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("key", [KEY, bytes.fromhex("0123456789abcdef")])
def test_two_components_make_the_key(capsys, monkeypatch, key):
    code, out, _err = split(capsys, monkeypatch, key.hex())
    parts = [bytes.fromhex(text) for text in re.findall(r"component \d: ([0-9A-F]+)", out)]

    assert code == 0
    assert bytes(a ^ b for a, b in zip(*parts, strict=True)) == key
    assert re.findall(r"check value ([0-9A-F]{6})", out) == [check_value(part) for part in parts]
    assert f"whole key: {check_value(key)}" in out
    assert key.hex().upper() not in out


def test_a_key_is_made_where_none_is_given(capsys, monkeypatch):
    papers = {split(capsys, monkeypatch, "")[1] for _ in range(2)}

    assert len(papers) == 2


@pytest.mark.parametrize("text", ["00", "xyz"])
def test_what_is_no_key_is_not_split(capsys, monkeypatch, text):
    code, out, err = split(capsys, monkeypatch, text)

    assert (code, out) == (1, "")
    assert "Nothing was written" in err


def seal(monkeypatch: pytest.MonkeyPatch, out: Path, lines: str, passphrase: str = PASSPHRASE) -> int:
    monkeypatch.setenv("GRIDTILL_PASSPHRASE", passphrase)
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    return main(["seal", "--out", str(out)])


def test_a_sealed_file_opens_with_its_passphrase(monkeypatch, tmp_path, capsys):
    out = tmp_path / "keys.json"
    line = json.dumps({"supply_group_code": "600101", "key_revision": 1, "key": KEY.hex()})

    assert seal(monkeypatch, out, line) == 0
    (found,) = open_key_file(out.read_bytes(), PASSPHRASE)
    assert (found.supply_group_code, found.key_type, found.base_date, found.key) == ("600101", 2, 2014, KEY)
    assert KEY.hex() not in out.read_text() + capsys.readouterr().out
    assert out.stat().st_mode & 0o077 == 0
    # A file that is there is not overwritten.
    assert seal(monkeypatch, out, line) == 1


@pytest.mark.parametrize(
    ("lines", "passphrase"),
    [
        ("", PASSPHRASE),
        ("{}", PASSPHRASE),
        ("[", PASSPHRASE),
        ('{"supply_group_code": "6", "key_revision": 1}', "x" * 12),
    ],
)
def test_nothing_is_written_of_wrong_lines(monkeypatch, tmp_path, lines, passphrase):
    assert seal(monkeypatch, tmp_path / "keys.json", lines, passphrase) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_short_passphrase_is_refused(monkeypatch, tmp_path):
    line = json.dumps({"supply_group_code": "600101", "key_revision": 1, "key": KEY.hex()})

    assert seal(monkeypatch, tmp_path / "keys.json", line, "short") == 1
