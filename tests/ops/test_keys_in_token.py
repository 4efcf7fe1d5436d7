"""Setting a PKCS#11 token up, as whoever runs the server does it."""

from __future__ import annotations

import pytest
from tests.factories.hsm import new_token

from gridtill.ops.keys import main


@pytest.fixture
def token(settings):
    access = new_token()
    settings.PKCS11_LIBRARY, settings.PKCS11_TOKEN, settings.PKCS11_TOKEN_SECRET = (
        access.library,
        access.token,
        access.pin,
    )
    settings.PKCS11_WRAPPING_KEY = "wrapping"
    return access


def test_wrapping_key_is_made_in_the_token_once(token, capsys):
    assert (main(["pkcs11-init"]), capsys.readouterr().out) == (0, f"{token.token}: wrapping was made\n")
    assert (main(["pkcs11-init"]), capsys.readouterr().out) == (0, f"{token.token}: wrapping is there already\n")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PKCS11_WRAPPING_KEY", "", "Set GRIDTILL_PKCS11_WRAPPING_KEY"),
        ("PKCS11_TOKEN_SECRET", "9999-wrong", "Correct GRIDTILL_PKCS11_PIN"),
    ],
)
def test_wrapping_key_that_cannot_be_made_says_why(token, settings, capsys, name, value, words):
    setattr(settings, name, value)

    assert main(["pkcs11-init"]) == 1
    out, err = capsys.readouterr()
    assert (out, words in err, "9999" in err) == ("", True, False)


@pytest.mark.django_db
def test_moving_keys_says_how_many_went(token, settings, capsys):
    assert main(["pkcs11-move"]) == 1
    assert "Set GRIDTILL_TOKEN_ISSUER to pkcs11" in capsys.readouterr().err

    settings.ISSUER_KIND = "pkcs11"
    assert (main(["pkcs11-move"]), capsys.readouterr().out) == (0, "vending keys moved into the token: 0\n")
