"""The server's description and state."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.tasks.v1 import run_service_pb2, run_service_pb2_grpc
from services.gateway.surfaces.snapotter.errors import answer
from services.platform.errors import DarkroomError, translate_rpc_errors
from services.platform.identity import Identity
from services.platform.rpc.channel import Caller

VERSION = "1.16.0"
"""The version of SnapOtter whose API this is: its clients compare it."""
_NO_ANALYTICS = {"enabled": False, "posthogApiKey": "", "posthogHost": "", "sentryDsn": "", "sampleRate": 0, "instanceId": ""}
_SECONDS = 5.0


class Status:
    """Answers about this installation."""

    def __init__(self, tasks: run_service_pb2_grpc.RunServiceAsyncStub, caller: Caller, *, auth_enabled: bool) -> None:
        self._tasks, self._caller, self._auth_enabled = tasks, caller, auth_enabled
        self._began = time.monotonic()

    async def health(self, request: Request, identity: Identity | None) -> Response:
        """Whether the server works."""
        healthy = await self._count() is not None
        return answer({"status": "healthy" if healthy else "unhealthy", "version": VERSION}, 200 if healthy else 503)

    async def admin_health(self, request: Request, identity: Identity) -> Response:
        """The same, and how busy it is."""
        tasks = await self._count()
        if tasks is None:
            return answer({"status": "unhealthy", "version": VERSION}, 503)
        body = {
            "status": "healthy",
            "version": VERSION,
            "uptime": f"{time.monotonic() - self._began:.0f}s",
            "storage": {"mode": "s3", "available": True},
            "database": "ok",
            "queue": {"active": tasks.running, "pending": tasks.waiting},
            "ai": {"gpu": tasks.gpu, "dispatcher": "triton"},
        }
        return answer(body)

    async def auth(self, request: Request, identity: Identity | None) -> Response:
        """Whether people have to sign in."""
        return answer({"authEnabled": self._auth_enabled})

    async def analytics(self, request: Request, identity: Identity | None) -> Response:
        """This server sends no usage statistics to anybody."""
        return answer(_NO_ANALYTICS)

    async def _count(self) -> run_service_pb2.CountTasksResponse | None:
        """How many tasks are open; None while that cannot be said."""
        try:
            with translate_rpc_errors():
                return await self._tasks.CountTasks(
                    run_service_pb2.CountTasksRequest(), metadata=self._caller.on_behalf_of(0), timeout=_SECONDS
                )
        except DarkroomError:
            return None
