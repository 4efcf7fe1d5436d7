from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """Forget the language that a test chose, which would otherwise stay with the thread."""
    yield
    translation.deactivate()
