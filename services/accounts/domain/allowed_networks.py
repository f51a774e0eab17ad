"""The networks that a caller lists for a key."""

from __future__ import annotations

from collections.abc import Sequence

from services.accounts.networks import Network, network
from services.platform.errors import DarkroomError, ErrorReason


def networks_at(texts: Sequence[str], field: str) -> frozenset[Network] | None:
    """The networks in a field; None for an empty one. Raises FIELD_INVALID, which names the item."""
    found = set()
    for index, text in enumerate(texts):
        try:
            found.add(network(text))
        except ValueError as error:
            item = f"{field}[{index}]"
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"{item}: {error}.", field=item) from None
    return frozenset(found) or None
