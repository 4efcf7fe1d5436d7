from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation
from hypothesis import settings

# How long an example takes says how busy the machine is, and decides nothing here.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Forget the language that a test chose, which would otherwise stay with the thread."""
    yield
    translation.deactivate()
