"""What the parts of a client have in common."""

from __future__ import annotations

from darkroom.calls import Calls
from darkroom.transfer import Transfers


class Part:
    """Methods of a client that belong together; they share its connections."""

    def __init__(self, calls: Calls, transfers: Transfers) -> None:
        self._calls, self._transfers = calls, transfers
