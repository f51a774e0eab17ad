"""Whether a request passes the edge: its key, and how many requests its address, key and account have made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from services.accounts.domain.anonymous import Anonymous
from services.accounts.domain.authentication import KeyAuthenticator, KeyIdentity
from services.accounts.domain.rate_limits import RateLimited, RateLimits, Standing
from services.platform.errors import DarkroomError, ErrorReason


@dataclass(frozen=True, slots=True)
class AdmittedRequest:
    """A request that passes."""

    token: str
    """The identity of its caller, signed; empty for nobody."""
    standings: Sequence[Standing]
    """The remaining limits of its key and account."""


class Admission:
    """Decides from memory for keys in use. With `anonymous`, signing in is switched off."""

    def __init__(self, authenticator: KeyAuthenticator, limits: RateLimits, anonymous: Anonymous | None = None) -> None:
        self._authenticator, self._limits, self._anonymous = authenticator, limits, anonymous

    @property
    def without_sign_in(self) -> bool:
        """Whether everybody is the same user where people would have to sign in."""
        return self._anonymous is not None

    async def admit(self, secret: str | None, address: str) -> AdmittedRequest:
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
                    await self._limits.count_failure(address)
            raise
        standings = await self._limits.spend((*of_address, *self._limits.of_owner(identified.owner)))
        return AdmittedRequest(identified.token, standings[len(of_address) :])

    async def admit_public(self, secret: str | None, address: str) -> AdmittedRequest:
        """Count a request that needs no key: with a valid one its caller is known, and a bad one is ignored.

        Raises RATE_LIMITED, and UNAVAILABLE as `admit` does.
        """
        of_address = self._limits.of_address(address)
        identified = await self._known(secret, address) if secret is not None else None
        of_owner = self._limits.of_owner(identified.owner) if identified is not None else ()
        standings = await self._limits.spend((*of_address, *of_owner))
        return AdmittedRequest(identified.token if identified is not None else "", standings[len(of_address) :])

    async def admit_anyone(self, address: str) -> AdmittedRequest:
        """Count a request of any caller, where signing in is switched off.

        Raises RATE_LIMITED; UNAVAILABLE as `admit` does; and API_KEY_INVALID while there is no account that everybody could belong to.
        """
        of_address = self._limits.of_address(address)
        identified = await self._anonymous.identity() if self._anonymous is not None else None
        if identified is None:
            await self._limits.spend(of_address)
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
        standings = await self._limits.spend((*of_address, *self._limits.of_everybody(identified.owner)))
        return AdmittedRequest(identified.token, standings[len(of_address) :])

    def standings_of(self, address: str) -> Sequence[Standing]:
        """The remaining limits of an address."""
        return self._limits.standings(self._limits.of_address(address))

    async def _known(self, secret: str, address: str) -> KeyIdentity | None:
        """Whose a key is; None for a bad one, also for one that is not looked up since the address has sent too many."""
        try:
            if not self._authenticator.knows(secret):
                self._limits.check_failures(address)
            return await self._authenticator.identify(secret, address)
        except DarkroomError as error:
            if error.reason not in (ErrorReason.API_KEY_INVALID, ErrorReason.ADDRESS_NOT_ALLOWED, ErrorReason.RATE_LIMITED):
                raise
            if error.reason is not ErrorReason.RATE_LIMITED and not self._authenticator.knows(secret):
                with suppress(RateLimited):
                    await self._limits.count_failure(address)
            return None
