"""The logo that pages show."""

from __future__ import annotations

from services.accounts.domain.home import Home
from services.accounts.installation import Logo
from services.accounts.store.logos import LogoStore
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_SIDE = 128
_HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_SIZE_BYTES = 4


class Branding:
    """The logo, which everybody sees and permitted callers may change; the permission has been checked. Raises PERMISSION_DENIED for
    changes by callers of another account."""

    def __init__(self, store: LogoStore, home: Home) -> None:
        self._store, self._home = store, home

    async def logo(self) -> Logo:
        """The logo. Raises LOGO_NOT_FOUND."""
        account_id = await self._home.account_id()
        logo = await self._store.find(account_id) if account_id is not None else None
        if logo is None:
            raise DarkroomError(ErrorReason.LOGO_NOT_FOUND, "No custom logo set")
        return logo

    async def replace(self, caller: Identity, png: bytes) -> None:
        """Replace the logo. Raises FIELD_INVALID for what is no PNG, or too large."""
        account_id = await self._home.require(caller)
        _check(png)
        await self._store.replace(account_id, png)

    async def delete(self, caller: Identity) -> None:
        """Remove the logo, if there is one."""
        await self._store.delete(await self._home.require(caller))


def _check(png: bytes) -> None:
    """By its head only: viewers learn that it is a PNG, and may fail to decode it."""
    sides, ends = png[len(_HEAD) :], (0, _SIZE_BYTES)
    width, height = (int.from_bytes(sides[start : start + _SIZE_BYTES]) for start in ends)
    if not png.startswith(_HEAD) or not 0 < width <= _SIDE or not 0 < height <= _SIDE:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"The logo must be a PNG of at most {_SIDE} by {_SIDE} pixels.", field="png")
