"""Users, roles and teams, which commands take by name or id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from darkroom.failures import NotFound


class NamedItem(Protocol):
    """Something with an id and a name."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""


Item = TypeVar("Item", bound=NamedItem)


def find(items: Sequence[Item], given: str, what: str) -> Item:
    """The one with this id, or else with this name. Raises NotFound, naming `what`, if it does not exist."""
    for item in (*(each for each in items if each.id == given), *(each for each in items if each.name == given)):
        return item
    raise NotFound(f"{what.upper()}_NOT_FOUND", f"There is no {what} {given}.")
