"""Every model and every set of choices has its line in the glossary."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
BASES = {"Model", "TextChoices", "AbstractBaseUser", "Asset"}


def words():
    for path in sorted((ROOT / "src" / "gridtill" / "apps").rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                getattr(base, "attr", getattr(base, "id", "")) in BASES for base in node.bases
            ):
                yield node.name


def test_every_word_of_the_archives_stands_in_the_glossary():
    found = set(words())

    assert len(found) > 50
    assert {word for word in found if f"`{word}`" not in GLOSSARY} == set()
