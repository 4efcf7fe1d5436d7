"""Who acts, what they may do, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass

from gridtill.kernel.errors import Refusal


class NotAllowed(Refusal):
    """The actor lacks the right, or the thing lies outside their unit."""

    code = "not_allowed"
    remedy = "Ask somebody with the right, or an administrator."


@dataclass(frozen=True, slots=True)
class Actor:
    """
    A person or the system, as operations see it.

    ``unit_path`` bounds what the actor reaches: paths such as ``1/4/`` that begin
    with it. The system has no id and an empty path, and may do everything.
    """

    id: int | None
    name: str
    unit_path: str
    permissions: frozenset[str] = frozenset()

    @property
    def person_id(self) -> int:
        """
        Return the operator's id, for rows that only a person can cause.

        :raises NotAllowed: if it is the system that acts
        """
        if self.id is None:
            raise NotAllowed("Only a signed-in operator can do this. Nothing was changed.")
        return self.id

    def may(self, permission: str) -> bool:
        """Tell whether the actor holds a permission."""
        return self.id is None or permission in self.permissions

    def reaches(self, unit_path: str) -> bool:
        """Tell whether a unit's path lies within the actor's bound."""
        return unit_path.startswith(self.unit_path)

    def require(self, permission: str, unit_path: str | None = None) -> None:
        """
        Let an operation go on only if the actor may do it there.

        :raises NotAllowed: if the permission is missing or the unit is out of reach
        """
        if not self.may(permission):
            raise NotAllowed("You do not have the right {permission}. Nothing was changed.", permission=permission)
        if unit_path is not None and not self.reaches(unit_path):
            raise NotAllowed("This belongs to a unit outside yours. Nothing was changed.")


SYSTEM = Actor(id=None, name="system", unit_path="")
