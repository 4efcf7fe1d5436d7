import pytest

from gridtill import __version__
from gridtill.ops import cli

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_help_names_every_command(capsys, arguments):
    assert cli.main(arguments) == 0
    text = capsys.readouterr().out

    assert all(name in text for name in cli.COMMANDS)


def test_version_is_told(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_unknown_command_is_an_error_with_the_list(capsys):
    assert cli.main(["sel"]) == 2
    assert "There is no command 'sel'" in capsys.readouterr().err


def test_command_gets_the_arguments_after_its_name(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["price", "--help"])

    assert ended.value.code == 0
    assert "gridtill price" in capsys.readouterr().out
