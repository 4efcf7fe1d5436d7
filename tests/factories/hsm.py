"""Tokens of Debian's SoftHSM, in a folder of their own and as many as a test wants."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from gridtill.drivers.security.pkcs11.access import TokenAccess

PIN = "a-pin-of-the-tests"
_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so")
_numbers = count(1)


@cache
def library() -> str:
    """Return SoftHSM's library, set up for this process; the library reads where its tokens lie when it starts."""
    found = [str(path) for place in _PLACES for path in Path("/").glob(place.lstrip("/"))]
    if not found or shutil.which("softhsm2-util") is None:
        missing = "SoftHSM is missing: no key custody by PKCS#11 was tested. Install Debian's softhsm2."
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip(missing)
        pytest.fail(missing + " tools/install_debian.sh does.")
    folder = Path(tempfile.mkdtemp(prefix="gridtill-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(conf)
    return found[0]


def new_token() -> TokenAccess:
    """Make an empty token and say how it is opened."""
    path, label = library(), f"token-{next(_numbers)}"
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN[::-1]]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return TokenAccess(path, label, PIN)
