from dataclasses import replace

import pytest

from gridtill.apps.staff.models import Operator
from gridtill.apps.staff.operations import ensure_default_roles
from gridtill.kernel.actors import SYSTEM
from gridtill.kernel.clock import now


@pytest.fixture
def chief(scene):
    """Bram, made responsible for the whole utility."""
    ensure_default_roles(actor=SYSTEM, at=now())
    Operator.objects.filter(pk=scene.bram.id).update(unit=scene.utility)
    return replace(scene.bram, unit_path=scene.utility.path)


@pytest.fixture
def office(chief, enter):
    """A browser in which that person is signed in."""
    return enter(chief)


@pytest.fixture
def bureau(scene, enter):
    """A browser of somebody with all rights in one bureau."""
    ensure_default_roles(actor=SYSTEM, at=now())
    return enter(scene.bram)
