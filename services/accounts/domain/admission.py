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

    async def admit(self, secret: str | None, address: str, *, malformed: bool = False) -> AdmittedRequest:
        """Count a request from an address with a key; None for a request without anything that could be a key. `malformed`: something was
        sent in its place.

        Raises API_KEY_INVALID; ADDRESS_NOT_ALLOWED; RATE_LIMITED; and UNAVAILABLE when the database is needed and cannot be reached. Once
        an address has sent too many wrong keys, further ones are RATE_LIMITED. A valid key is let through all the same: nobody guesses one,
        and those who share an address with somebody who tries must not suffer for it.
        """
        # First, so that no address has more keys looked up than it may make requests.
        await self._limits.spend(self._limits.of_address(address))
        if secret is None:
            if malformed:
                await self._limits.count_wrong_key(address)
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
        try:
            identified = await self._authenticator.identify(secret, address)
        except DarkroomError as error:
            if error.reason is ErrorReason.API_KEY_INVALID and not self._authenticator.knows(secret):
                await self._limits.count_wrong_key(address)
            raise
        return AdmittedRequest(identified.token, await self._limits.spend(self._limits.of_owner(identified.owner)))

    async def admit_public(self, secret: str | None, address: str) -> AdmittedRequest:
        """Count a request that needs no key: with a valid one its caller is known, and a bad one is ignored.

        Raises RATE_LIMITED, and UNAVAILABLE as `admit` does.
        """
        await self._limits.spend(self._limits.of_address(address))
        identified = await self._known(secret, address) if secret is not None else None
        if identified is None:
            return AdmittedRequest("", ())
        return AdmittedRequest(identified.token, await self._limits.spend(self._limits.of_owner(identified.owner)))

    async def admit_anyone(self, address: str) -> AdmittedRequest:
        """Count a request of any caller, where signing in is switched off.

        Raises RATE_LIMITED; UNAVAILABLE as `admit` does; and API_KEY_INVALID while there is no account that everybody could belong to.
        """
        await self._limits.spend(self._limits.of_address(address))
        identified = await self._anonymous.identity() if self._anonymous is not None else None
        if identified is None:
            raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
        return AdmittedRequest(identified.token, await self._limits.spend(self._limits.of_everybody(identified.owner)))

    def standings_of(self, address: str) -> Sequence[Standing]:
        """The remaining limits of an address."""
        return self._limits.standings(self._limits.of_address(address))

    async def _known(self, secret: str, address: str) -> KeyIdentity | None:
        """Whose a key is; None for a bad one."""
        try:
            return await self._authenticator.identify(secret, address)
        except DarkroomError as error:
            if error.reason not in (ErrorReason.API_KEY_INVALID, ErrorReason.ADDRESS_NOT_ALLOWED):
                raise
            if not self._authenticator.knows(secret):
                with suppress(RateLimited):
                    await self._limits.count_wrong_key(address)
            return None
