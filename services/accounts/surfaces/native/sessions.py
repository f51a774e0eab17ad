"""darkroom.accounts.v1.SessionsService: signing in and out."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import sessions_service_pb2 as pb
from darkroom.accounts.v1 import sessions_service_pb2_grpc
from services.accounts.domain.sessions import Sessions
from services.accounts.surfaces.native.users import user_message
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class NativeSessions(sessions_service_pb2_grpc.SessionsServiceServicer):
    """For everybody."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def CreateSession(self, request: pb.CreateSessionRequest, context: Context) -> pb.CreateSessionResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        token, session = await self._sessions.create(request.user_name, request.password)
        reply = pb.CreateSessionResponse(token=token, user=user_message(session.person))
        reply.expire_time.FromDatetime(session.expires_at)
        return reply

    async def GetSession(self, request: pb.GetSessionRequest, context: Context) -> pb.GetSessionResponse:  # noqa: D102 - an rpc
        session = await self._sessions.session(request.token, current_identity())
        reply = pb.GetSessionResponse(user=user_message(session.person))
        reply.expire_time.FromDatetime(session.expires_at)
        return reply

    async def DeleteSession(self, request: pb.DeleteSessionRequest, context: Context) -> pb.DeleteSessionResponse:  # noqa: D102 - an rpc
        await self._sessions.delete(request.token, current_identity())
        return pb.DeleteSessionResponse()

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Context) -> pb.ChangePasswordResponse:  # noqa: D102 - an rpc
        await self._sessions.change_password(current_identity(), request.current_password, request.new_password)
        return pb.ChangePasswordResponse()

    async def SetAnalyticsChoice(self, request: pb.SetAnalyticsChoiceRequest, context: Context) -> pb.SetAnalyticsChoiceResponse:  # noqa: D102 - an rpc
        answered = await self._sessions.set_analytics(current_identity(), request.enabled, request.remind_later)
        return pb.SetAnalyticsChoiceResponse(analytics_enabled=answered)
