from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from gridtill.apps.staff.models import Operator, Role, RolePermission
from gridtill.kernel.actors import Actor
from gridtill.kernel.clock import now
from gridtill.kernel.ids import new_id
from tests.factories.scene import Scene, make_scene

Enter = Callable[[Actor], Client]


@pytest.fixture
def scene(db: None) -> Scene:
    """A utility whose shift was opened just now, for pages ask the clock of the machine."""
    return make_scene(at=now())


@pytest.fixture
def enter() -> Enter:
    """Return a client that is signed in as an actor of the scene, with just that actor's rights."""

    def signed_in(actor: Actor) -> Client:
        operator = Operator.objects.get(pk=actor.id)
        role = Role.objects.create(code=f"rights-{new_id().hex}", name="Rights of one person")
        RolePermission.objects.bulk_create(RolePermission(role=role, permission=code) for code in actor.permissions)
        operator.role = role
        operator.save()
        client = Client()
        client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in
