"""Which tools there are: all but those that the setting `disabledTools` named when the process started."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.accounts.v1 import setting_values_service_pb2, setting_values_service_pb2_grpc
from services.gateway.surfaces.snapotter.endpoints import SignedInHandler
from services.gateway.surfaces.snapotter.errors import not_found
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.identity import Identity
from services.platform.log import get_logger
from services.platform.rpc.channel import Caller

_DISABLED = "disabledTools"
_SECONDS = 5.0
_PATIENCE_SECONDS = 20.0
_BACKOFF = Backoff(0.2, 5.0)
_logger = get_logger()


class EnabledTools:
    """Reads the setting once: while it cannot be read, callers of tools wait for a while."""

    def __init__(self, settings: setting_values_service_pb2_grpc.SettingValuesServiceAsyncStub, caller: Caller) -> None:
        """Must be made in a running loop."""
        self._settings, self._caller = settings, caller
        self._reading = asyncio.ensure_future(self._read())

    async def disabled_ids(self) -> frozenset[str]:
        """Ids that are disabled, of tools or of nothing. Raises UNAVAILABLE."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The settings cannot be read. Try again later.") from None

    def only(self, tool_id: str, handle: SignedInHandler) -> SignedInHandler:
        """The same handler; where the tool is disabled, there is nothing."""

        async def serve(request: Request, identity: Identity) -> Response:
            if tool_id in await self.disabled_ids():
                return not_found(request.method, request.url.path)
            return await handle(request, identity)

        return serve

    async def _read(self) -> frozenset[str]:
        asked = setting_values_service_pb2.ReadValuesRequest(names=[_DISABLED])
        failures = 0
        while True:
            try:
                with translate_rpc_errors():
                    reply = await self._settings.ReadValues(asked, metadata=self._caller.on_behalf_of(0), timeout=_SECONDS)
                return _ids(reply.values.get(_DISABLED, ""))
            except DarkroomError as error:
                failures += 1
                _logger.warning("settings_not_read", error=str(error), failures=failures)
            await asyncio.sleep(_BACKOFF.pause(failures))


def _ids(value: str) -> frozenset[str]:
    """From a JSON array; none in anything else."""
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(one for one in said if isinstance(one, str)) if isinstance(said, list) else frozenset()
