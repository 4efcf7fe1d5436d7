"""Tokens from a module behind a line: what it answers, what it refuses, and what is not known."""


import pytest
from tests.drivers.security.conformance import *  # noqa: F403
from tests.factories.modules import LONG, issuer_for, served

pytestmark = pytest.mark.unit



@pytest.fixture
def issuer():
    with served() as server, issuer_for(server, waits=LONG) as driver:
        yield driver
