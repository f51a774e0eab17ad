"""Keeps the membership of a worker on another machine: its delegation, every few minutes, and its certificate in time."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from darkroom.internal.accounts.v1.membership_service_pb2_grpc import MembershipServiceStub
from services.platform import process
from services.platform.delegation import SECONDS
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.joining import LONGEST_CLOCK_DIFFERENCE
from services.platform.log import get_logger
from services.platform.loop import Loop
from services.platform.membership import NEED, MembershipFolder
from services.platform.rpc.channel import channel
from services.platform.telemetry.health import Check, NotThereError
from services.platform.tls import MutualTls
from services.platform.version import version

_LOOK_SECONDS = 5.0
"""How often to look whether it is time. Timers stand still while a machine sleeps, and the clock on the wall does not."""
_LEFT_SECONDS = SECONDS * 2 / 3
"""A delegation with less life left is renewed: there is time for accounts to be away for a while."""
_MOST_SECONDS = SECONDS + 2 * LONGEST_CLOCK_DIFFERENCE
"""One that seems to have more left is renewed, too: the clock has been set back, and would show its end too late."""
_CALL_SECONDS = 10.0
_AGAIN_SECONDS = 60.0
_BEGIN_SECONDS = 1.0
_logger = get_logger()


@asynccontextmanager
async def maintain_membership(folder: Path, accounts_address: str, tls: MutualTls | None) -> AsyncIterator[Membership]:
    """The membership in a folder, renewed until the block ends. Waits for the server if it must."""
    async with channel(accounts_address, "accounts", tls) as accounts:
        membership = Membership(MembershipFolder(folder), accounts)
        await membership.begin()
        async with process.background(Loop("renew_membership", _LOOK_SECONDS, membership.step).run()):
            yield membership


class Membership:
    """The membership in a folder. `clock` returns seconds since the epoch."""

    def __init__(self, folder: MembershipFolder, accounts: grpc.aio.Channel, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._stub, self._clock = folder, MembershipServiceStub(accounts), clock
        self.delegation = folder.delegation()
        self._refused = ""
        self._again_at = 0.0

    async def step(self) -> bool:
        """Renew it if it is time: the step of a loop. Raises UNAVAILABLE while accounts cannot be reached."""
        if self._due() and await self._renew():
            # Certificates are read at start. The supervisor restarts the process.
            signal.raise_signal(signal.SIGTERM)
        return False

    async def begin(self) -> None:
        """Wait until there is a delegation that lasts, and for what comes with it.

        It is renewed in any case: what a process reads at start may have changed while there was none. If it has, this one ends.
        """
        first = True
        while True:
            try:
                if (first or self._due()) and await self._renew():
                    raise SystemExit("The membership has changed; the process has to restart.")
            except DarkroomError as error:
                _logger.info("accounts_not_reached", reason=error.reason.value)
            if self.delegation.ends > self._clock():
                return
            first = False
            await asyncio.sleep(_BEGIN_SECONDS)

    def _due(self) -> bool:
        """Whether to renew it now, by a clock that may have been set back meanwhile."""
        left, pause = self.delegation.ends - self._clock(), self._again_at - self._clock()
        return not 0 < pause <= _AGAIN_SECONDS and (bool(self._refused) or not _LEFT_SECONDS < left <= _MOST_SECONDS)

    async def _renew(self) -> bool:
        """Renew it; True if something has changed that a process reads only when it starts."""
        try:
            renewed = await self._renewed()
        except DarkroomError as error:
            if error.reason not in (ErrorReason.PERMISSION_DENIED, ErrorReason.WORKER_REFUSED):
                raise
            self._refused, self._again_at = error.message, self._clock() + _AGAIN_SECONDS
            _logger.error("membership_refused", reason=error.reason.value, message=error.message)
            return False
        self._refused = ""
        self.delegation.replace(renewed.delegation)
        changed = self._folder.write(renewed)
        if changed:
            _logger.info("membership_changed")
        return changed

    def check(self) -> Check:
        """Whether the server lets this worker work."""

        async def probe() -> None:
            if self._refused:
                raise NotThereError(self._refused)
            if self.delegation.ends <= self._clock():
                raise NotThereError("the delegation has expired, and the server cannot be reached for a new one")

        return Check(NEED, probe)

    async def _renewed(self) -> pb.Membership:
        request = pb.RenewMembershipRequest(version=version(), without_nats=True)
        request.time.FromNanoseconds(int(self._clock() * 1e9))
        if self._folder.certificate_ends_soon():
            request.certificate_request = self._folder.certificate_request()
        with translate_rpc_errors():
            reply = await self._stub.RenewMembership(request, timeout=_CALL_SECONDS)
        renewed: pb.Membership = reply.membership
        return renewed
