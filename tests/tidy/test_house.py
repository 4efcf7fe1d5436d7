"""House rules that import contracts and linters cannot see."""

import ast
import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "gridtill"
APPS = SOURCE / "apps"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts)
TEMPLATES = sorted(SOURCE.rglob("*.html"))
BANNED_CLASSES = {"Account", "User", "Transaction", "Token", "Service", "Event", "Profile", "Key", "Credit"}
APP_FILES = {
    "__init__.py", "apps.py", "choices.py", "states.py", "events.py", "models.py", "models", "rules.py", "queries.py",
    "queries", "operations.py", "operations", "tasks.py", "subscribers.py", "checks.py", "admin.py", "management",
    "migrations", "__pycache__",
}  # fmt: skip
WRITES = {"create", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "save", "delete"}


def names(paths):
    return [str(path.relative_to(SOURCE)) for path in paths]


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_module_keeps_the_budgets(path):
    text = path.read_text(encoding="utf-8")
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 70
    ]

    assert long == []
    assert len(text.splitlines()) <= 600
    assert path.name not in {"utils.py", "services.py", "helpers.py"}


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_class_names_say_which_kind(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} & BANNED_CLASSES

    assert bare == set()


@pytest.mark.parametrize("app", sorted(path.name for path in APPS.iterdir() if (path / "apps.py").exists()))
def test_app_holds_only_known_files(app):
    assert {path.name for path in (APPS / app).iterdir()} - APP_FILES == set()


def is_operation(path):
    relative = path.relative_to(APPS).parts
    return relative[1].removesuffix(".py") in {"operations", "migrations", "management"}


APP_MODULES = sorted(path for path in APPS.rglob("*.py") if len(path.relative_to(APPS).parts) > 1)


@pytest.mark.parametrize(
    "path", [path for path in APP_MODULES if not is_operation(path)], ids=lambda path: str(path.relative_to(APPS))
)
def test_rows_are_written_by_operations_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [
        f"line {node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES
    ]

    assert found == []


def app_ranks():
    """Rank apps from .importlinter, 0 lowest; apps on one line share a rank."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    layers = config["importlinter:contract:apps"]["layers"].split("\n")
    lines = [re.findall(r"\w+", line) for line in layers if line.strip()]
    return {app: rank for rank, line in enumerate(reversed(lines)) for app in line}


def foreign_keys():
    for path in APP_MODULES:
        app = path.relative_to(APPS).parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"ForeignKey", "OneToOneField", "ManyToManyField"}
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
                and "." in node.args[0].value
                and "migrations" not in path.parts
            ):
                yield app, node.args[0].value.split(".")[0]


def test_string_foreign_keys_point_down_the_app_order():
    ranks = app_ranks()

    upward = [(app, target) for app, target in foreign_keys() if app != target and ranks[app] <= ranks[target]]

    assert upward == []


@pytest.mark.parametrize("path", TEMPLATES, ids=names(TEMPLATES))
def test_templates_carry_no_inline_style_or_script(path):
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"\sstyle=|\son[a-z]+=|javascript:", text) == []
    assert [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag] == []


@pytest.mark.parametrize("package", ["kernel", "sts", "tariff", "cards", "apps/ledger", "apps/vending"])
def test_no_float_near_money_or_energy(package):
    floats = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in sorted((SOURCE / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float")
    ]

    assert floats == []


def test_lock_files_record_no_addresses():
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    requirements = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "requirements").glob("*.txt"))

    assert '"resolved"' not in lock
    assert re.findall(r"https?:|file:|--index|--find-links|--extra", requirements) == []


def test_every_command_is_documented():
    from gridtill.ops.cli import COMMANDS

    documented = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    assert [name for name in COMMANDS if f"gridtill {name}" not in documented] == []


def test_every_setting_is_documented():
    code = "".join(path.read_text(encoding="utf-8") for path in (SOURCE / "config").glob("settings.py"))
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert [name for name in re.findall(r'env\.\w+\(\s*"(\w+)"', code) if name not in documented] == []
