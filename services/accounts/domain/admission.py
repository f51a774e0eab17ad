"""Whether a request passes the edge: its key, and how many requests its address, key and account have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.rate_limits import RateLimits, Standing
from services.common.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that passes."""

    token: str
    """The identity of its account, signed."""
    standings: Sequence[Standing]
    """What is left of the limits of its key and account."""


class Admission:
    """Decides from memory for keys in use."""

    def __init__(self, authenticator: KeyAuthenticator, limits: RateLimits) -> None:
        self._authenticator, self._limits = authenticator, limits

    async def admit(self, secret: str | None, address: str) -> Admitted:
        """Count a request from an address with a key; None for a request without anything that could be a key.

        Raises API_KEY_INVALID; ADDRESS_NOT_ALLOWED; RATE_LIMITED; and UNAVAILABLE when the database is needed and cannot be reached. While
        an address has sent too many unknown keys, one that this replica does not know is refused without being looked up.
        """
        of_address = self._limits.of_address(address)
        if secret is None:
            await self._limits.spend(of_address)
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
        if not self._authenticator.knows(secret):
            self._limits.check_failures(address)
        try:
            identified = await self._authenticator.identify(secret, address)
        except DarkroomError as error:
            if error.reason in (ErrorReason.API_KEY_INVALID, ErrorReason.ADDRESS_NOT_ALLOWED):
                await self._limits.spend(of_address)
                if not self._authenticator.knows(secret):
                    await self._limits.failed(address)
            raise
        standings = await self._limits.spend((*of_address, *self._limits.of_owner(identified.owner)))
        return Admitted(identified.token, standings[len(of_address) :])
