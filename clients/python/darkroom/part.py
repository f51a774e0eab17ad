"""The base of the client's groups of methods."""

from __future__ import annotations

from darkroom.calls import Calls
from darkroom.transfer import Transfers


class Part:
    """A group of methods of the client. All groups share its connections."""

    def __init__(self, calls: Calls, transfers: Transfers) -> None:
        self._calls, self._transfers = calls, transfers
