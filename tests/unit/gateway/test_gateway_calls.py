"""The steps around every request that the gateway serves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.calls import Calls
from services.gateway.surfaces.snapotter.endpoints import EndpointFactory
from services.platform.identity import IDENTITY_HEADER, IDENTITY_ISSUER, Identity
from services.platform.rpc import catalogue
from services.platform.slots import Slots
from tests.unit.platform.keys import Keys


@pytest.mark.parametrize("surface", ["rest", "snapotter"])
async def test_a_request_that_the_end_of_the_service_cuts_off_is_told_to_come_again(tmp_path: Path, surface: str) -> None:
    keys = Keys(tmp_path)
    token = keys.signer(IDENTITY_ISSUER).identity_token(1, 2)
    calls, reached = Calls(keys.verifier(), Slots(1, 1, "", "")), asyncio.Event()

    async def hold(_request: Request, _identity: Identity | None) -> Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    method = next(iter(catalogue.routes())).method
    endpoint = (
        EndpointFactory(calls).anyone("/test", hold)
        if surface == "snapotter"
        else calls.endpoint(catalogue.surface(surface), method, [], hold)
    )
    serving = asyncio.ensure_future(endpoint(Request({"type": "http", "headers": [(IDENTITY_HEADER.encode(), token.encode())]})))
    await reached.wait()
    # As uvicorn does with what is under way when the time to drain is over.
    serving.cancel()
    reply = await serving
    body = json.loads(bytes(reply.body))
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")
    assert body["error" if surface == "snapotter" else "message"] == "The service is restarting. Try again."
