import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from gridtill.config import env
from gridtill.config.env import SettingInvalid

pytestmark = pytest.mark.unit


def test_setting_comes_from_the_environment_or_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("X_A", "plain")
    monkeypatch.setenv("X_B_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("X_C_FILE", str(tmp_path / "missing"))

    assert (env.text("X_A"), env.text("X_B"), env.text("X_D", "default")) == ("plain", "from a file", "default")
    with pytest.raises(SettingInvalid, match="X_C_FILE"):
        env.text("X_C")
    with pytest.raises(SettingInvalid, match="X_D is not set"):
        env.text("X_D")


@pytest.mark.parametrize(("value", "meaning"), [("yes", True), ("ON", True), ("0", False), ("", False)])
def test_yes_and_no(monkeypatch, value, meaning):
    monkeypatch.setenv("X_FLAG", value)

    assert env.flag("X_FLAG", default=not meaning) is meaning


def test_neither_yes_nor_no_stops_the_start(monkeypatch):
    monkeypatch.setenv("X_FLAG", "perhaps")
    with pytest.raises(SettingInvalid, match="'perhaps'"):
        env.flag("X_FLAG", default=True)


@pytest.mark.parametrize(("value", "words"), [("many", "whole number"), ("-1", "at least 0"), ("1.5", "whole number")])
def test_wrong_number_is_named(monkeypatch, value, words):
    monkeypatch.setenv("X_N", value)
    with pytest.raises(SettingInvalid, match=words):
        env.integer("X_N", 1)


def test_words_are_split_at_commas(monkeypatch):
    monkeypatch.setenv("X_W", " a, b ,,c ")

    assert (env.words("X_W"), env.words("X_NONE", "d")) == (["a", "b", "c"], ["d"])


def test_database_urls_become_settings():
    sqlite = env.database("sqlite:////var/lib/gridtill.db")
    postgresql = env.database("postgresql://me:p%40ss@db:5433/sales")

    assert (sqlite["NAME"], env.database("sqlite://")["NAME"]) == ("/var/lib/gridtill.db", ":memory:")
    assert (postgresql["USER"], postgresql["PASSWORD"], postgresql["PORT"]) == ("me", "p@ss", "5433")
    with pytest.raises(SettingInvalid, match="mysql"):
        env.database("mysql://db/sales")


def test_choice_is_one_of_its_words(monkeypatch):
    monkeypatch.setenv("X_C", "b")

    assert (env.choice("X_C", "a", "b"), env.choice("X_NONE", "a", "b")) == ("b", "a")
    with pytest.raises(SettingInvalid, match="X_C must be a or c, not 'b'"):
        env.choice("X_C", "a", "c")


def test_two_sources_of_one_thing_are_named(monkeypatch):
    monkeypatch.setenv("X_A", "1")
    monkeypatch.setenv("X_B", "")
    env.at_most_one("X_A", "X_B", "X_C")

    monkeypatch.setenv("X_C", "3")
    with pytest.raises(SettingInvalid, match="X_A, X_C"):
        env.at_most_one("X_A", "X_B", "X_C")


def test_settings_that_need_each_other_are_named(monkeypatch):
    monkeypatch.setenv("X_A", "1")
    monkeypatch.setenv("X_B_FILE", "/there")
    env.together("X_D", "X_A", "X_B")

    with pytest.raises(SettingInvalid, match="X_D needs X_C;"):
        env.together("X_D", "X_A", "X_C")


def test_endpoints_are_hosts_with_ports(monkeypatch):
    monkeypatch.setenv("X_E", " module-a:7000, [::1]:7001 ")

    assert env.endpoints("X_E") == (("module-a", 7000), ("::1", 7001))
    assert env.endpoints("X_NONE") == ()


@pytest.mark.parametrize("value", ["host", "host:", ":7000", "host:x", "host:70000", "a:1/b", "u@a:1", "[::1:1", "a:0"])
def test_endpoint_that_is_none_is_named(monkeypatch, value):
    monkeypatch.setenv("X_E", value)
    with pytest.raises(SettingInvalid, match="X_E must be host:port"):
        env.endpoints("X_E")


def test_endpoint_stands_once(monkeypatch):
    monkeypatch.setenv("X_E", "a:1,a:1")
    with pytest.raises(SettingInvalid, match="X_E names one of its endpoints twice"):
        env.endpoints("X_E")


def test_file_is_readable_or_named(monkeypatch, tmp_path):
    (tmp_path / "there").write_text("x")
    monkeypatch.setenv("X_F", str(tmp_path / "there"))
    assert (env.readable("X_F"), env.readable("X_NONE")) == (str(tmp_path / "there"), "")

    monkeypatch.setenv("X_F", str(tmp_path / "missing"))
    with pytest.raises(SettingInvalid, match="X_F names a file"):
        env.readable("X_F")


TOKEN = {"GRIDTILL_PKCS11_LIBRARY": "/lib.so", "GRIDTILL_PKCS11_TOKEN": "till", "GRIDTILL_PKCS11_PIN": "9999"}
SOURCES = {
    "GRIDTILL_KEYSTORE_KEY": "00" * 32,
    "GRIDTILL_KEYSTORE_KEY_FILE": os.devnull,
    "GRIDTILL_PKCS11_WRAPPING_KEY": "wrapping",
}


def start(**changes):
    """Read the settings as a server does, with nothing in the environment but what is given."""
    code = "from django.conf import settings as s; print(s.ISSUER_KIND, s.PKCS11_WRAPPING_KEY)"
    environment = {
        "DJANGO_SETTINGS_MODULE": "gridtill.config.settings",
        "GRIDTILL_SECRET_KEY": "x" * 50,
        "DATABASE_URL": "sqlite://",
        "PYTHONPATH": str(Path(env.__file__).parents[2]),
    }
    run = subprocess.run(
        [sys.executable, "-c", code], check=False, env=environment | changes, capture_output=True, text=True, timeout=60
    )
    return run.returncode, run.stdout.strip(), run.stderr.strip().splitlines()[-1:]


@pytest.mark.parametrize("pair", list(combinations(SOURCES, 2)))
def test_wrapping_key_has_one_source(pair):
    code, _out, (said,) = start(**TOKEN, **{name: SOURCES[name] for name in pair})

    assert code == 1
    assert all(name in said for name in pair)
    assert "9999" not in said


@pytest.mark.parametrize("needed", [{"GRIDTILL_PKCS11_WRAPPING_KEY": "wrapping"}, {"GRIDTILL_TOKEN_ISSUER": "pkcs11"}])
def test_token_is_told_in_full(needed):
    assert start(**TOKEN, **needed)[0] == 0
    for name in TOKEN:
        code, _out, (said,) = start(**{key: value for key, value in TOKEN.items() if key != name}, **needed)
        assert (code, f"needs {name};" in said, "9999" in said) == (1, True, False)


def test_keys_lie_in_software_unless_something_else_is_said():
    assert start()[:2] == (0, "software")
    code, _out, (said,) = start(GRIDTILL_TOKEN_ISSUER="magic")
    assert (code, "GRIDTILL_TOKEN_ISSUER must be" in said) == (1, True)


def test_a_file_is_parsed_or_the_start_stops(monkeypatch, tmp_path):
    path = tmp_path / "numbers"
    assert env.parsed_file("GT_TABLES", int) is None
    path.write_text("42", encoding="utf-8")
    monkeypatch.setenv("GT_TABLES", str(path))
    assert env.parsed_file("GT_TABLES", int) == 42
    for content in ("x", None):
        path.unlink()
        if content:
            path.write_text(content, encoding="utf-8")
        with pytest.raises(env.SettingInvalid, match="GT_TABLES points to a file"):
            env.parsed_file("GT_TABLES", int)
        path.touch()


MODULE = {
    "GRIDTILL_TOKEN_ISSUER": "module",
    "GRIDTILL_TOKEN_MODULE": "10.0.0.5:7000",
    "GRIDTILL_TOKEN_MODULE_SECRET": "what both sides know",
}


def test_module_is_told_in_full():
    assert start(**MODULE)[:2] == (0, "module")
    for name in set(MODULE) - {"GRIDTILL_TOKEN_ISSUER"}:
        code, _out, (said,) = start(**{key: value for key, value in MODULE.items() if key != name})
        assert (code, f"needs {name};" in said, "what both" in said) == (1, True, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"GRIDTILL_TOKEN_MODULE": "10.0.0.5"},
        {"GRIDTILL_TOKEN_MODULE_LINKS": "0"},
        {"GRIDTILL_TOKEN_MODULE_CA": "/nowhere"},
        {"GRIDTILL_TOKEN_MODULE_SECRET": "short"},
    ],
)
def test_module_that_is_told_wrongly_stops_the_start(wrong):
    code, _out, (said,) = start(**MODULE | wrong)

    assert (code, *(name in said for name in wrong), "short" in said) == (1, True, False)
