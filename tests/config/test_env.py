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
