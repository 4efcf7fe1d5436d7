"""Rules over the templates, scripts and styles themselves."""

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "src" / "gridtill" / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SCRIPTS = sorted((WEB / "static" / "app").glob("*.js"))
STYLES = sorted((WEB / "static" / "app").glob("*.css"))

BUILD = (WEB.parents[2] / "tools" / "build_assets.mjs").read_text()
BUILT_ICONS = set(re.search(r"const ICONS = `([^`]+)`", BUILD)[1].split())

pytestmark = pytest.mark.unit


def name(path):
    return str(path.relative_to(WEB))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_template_has_nothing_inline(path):
    text = path.read_text()

    assert not re.search(r"<[^>{%]*\sstyle\s*=", text)
    assert not re.search(r"<[^>]*\son[a-z]+\s*=", text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"<script\b(?![^>]*\bsrc=)", text)
    assert not re.search(r"hx-on|javascript:|hx-vals=.js|https?://", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_every_icon_of_a_template_is_built_into_the_sprite(path):
    used = set(re.findall(r'{% icon "([a-z0-9-]+)"', path.read_text()))

    assert used <= BUILT_ICONS


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_script_evaluates_and_styles_nothing(path):
    text = path.read_text()

    assert not re.search(r"\beval\(|new Function|innerHTML\s*=|\.style\b|setAttribute\(.style|https?://", text)


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_style_sheet_loads_from_this_site_alone(path):
    text = path.read_text()

    assert not re.search(r"https?://|@import", text)
    assert text.count("{") == text.count("}")
