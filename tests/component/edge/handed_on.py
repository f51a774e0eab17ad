"""What stands behind the edge where a surface is the gateway's own HTTP: a gateway and a check of callers that answer as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.platform.http_listener import serving
from services.platform.identity import IDENTITY_HEADER
from services.platform.telemetry.health import Health

KEY = {"authorization": "Bearer good"}
TOO_MANY = {"authorization": "Bearer busy"}
LIMITS = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "6"}


class Checks:
    """Knows one token, `good`; lets others pass as nobody where `public` says so; refuses `busy` for its many requests."""

    def __init__(self) -> None:
        self.public = ("/api/v1/download/", "/api/v1/health", "/api/auth/", "/api/v1/settings/logo")
        self.asked: list[str] = []

    async def answer(self, request: Request) -> Response:
        """Decide on one request."""
        path, token = request.url.path.removeprefix("/check"), request.headers.get("authorization")
        self.asked.append(path)
        if token == KEY["authorization"]:
            return Response(headers={IDENTITY_HEADER: "somebody", **LIMITS})
        if token == TOO_MANY["authorization"]:
            return JSONResponse({"error": "Slow down."}, 429, {**LIMITS, "retry-after": "6"})
        if path.startswith(self.public):
            return Response(headers=LIMITS)
        return JSONResponse({"error": "Authentication required"}, 401)


class Gateway:
    """Says what reached it. A path in `redirects` is answered with 302 and the URL that stands there."""

    def __init__(self) -> None:
        self.redirects: dict[str, str] = {}
        self.calls = 0
        self.stream_ended = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        self.calls += 1
        path = request.scope["raw_path"].decode("latin-1")
        if path in self.redirects:
            return RedirectResponse(self.redirects[path], 302)
        if request.method == "GET" and path.rstrip("/").endswith("/notes"):
            return StreamingResponse(self._events(), media_type="text/event-stream")
        if path.endswith("/frame"):
            return Response("x", headers={"x-frame-options": "SAMEORIGIN"})
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
        seen = {"verb": request.method, "path": path, "query": request.url.query, "bytes": received, "headers": dict(request.headers)}
        return JSONResponse(seen, 201 if request.method == "POST" else 200)

    async def _events(self) -> AsyncIterator[str]:
        """One event, and then nothing until the client goes away."""
        self.stream_ended.clear()
        yield "data: {}\n\n"
        try:
            await asyncio.Event().wait()
        finally:
            self.stream_ended.set()


@asynccontextmanager
async def behind(gateway_address: str, authorization_address: str) -> AsyncIterator[tuple[Gateway, Checks]]:
    """Serve both until the block ends."""
    gateway, checks = Gateway(), Checks()
    async with AsyncExitStack() as stack:
        for address, answer in ((gateway_address, gateway.answer), (authorization_address, checks.answer)):
            await stack.enter_async_context(serving(address, _application(answer), Health(), 0))
        yield gateway, checks


def _application(answer: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """All paths and verbs; a router would decode the path first."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        response = await answer(Request(scope, receive))
        await response(scope, receive, send)

    return serve
