"""The account that people belong to."""

from __future__ import annotations

from services.accounts.store.people import PeopleStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity


class Home:
    """One account of the installation: the one that the operator names, or else the oldest."""

    def __init__(self, store: PeopleStore, named: int | None) -> None:
        self._store, self._named = store, named
        self._found: int | None = None

    async def account_id(self) -> int | None:
        """Its id; None while there is no such account."""
        if self._found is None:
            # Accounts stay, so it is always the same.
            self._found = await self._store.home(self._named)
        return self._found

    async def require(self, caller: Identity) -> int:
        """Its id, for a caller that belongs to it. Raises PERMISSION_DENIED for others."""
        home = await self.account_id()
        if home != caller.account_id:
            raise DarkroomError(ErrorReason.PERMISSION_DENIED, "The people of this installation belong to another account.")
        return home
