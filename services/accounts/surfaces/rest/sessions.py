"""`darkroom.rest.v1.SessionsService`: `/v1/sessions` and `/v1/me`."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.struct_pb2 import NULL_VALUE, Value
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.rest.v1 import envelope_pb2, sessions_pb2_grpc
from darkroom.rest.v1 import sessions_pb2 as pb
from services.accounts.domain.callers import Caller, Callers
from services.accounts.domain.sessions import Sessions
from services.accounts.domain.sign_in_links import SignInLinks
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]
_OK, _SUCCESS = 200, "success"


class RestSessions(sessions_pb2_grpc.SessionsServiceServicer):
    """For everybody."""

    def __init__(self, sessions: Sessions, links: SignInLinks, callers: Callers) -> None:
        self._sessions, self._links, self._callers = sessions, links, callers

    async def CreateSession(self, request: pb.CreateSessionRequest, context: Context) -> pb.CreateSessionEnvelope:
        """POST /v1/sessions."""
        by_link = request.HasField("sign_in_token")
        signing_in = self._links.use(request.sign_in_token) if by_link else self._sessions.create(request.user_name, request.password)
        token, session = await signing_in
        data = pb.CreatedSession(token=token, me=_me(await self._callers.signed_in(session)))
        data.expires_at.FromDatetime(session.expires_at)
        return pb.CreateSessionEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def GetMe(self, request: pb.GetMeRequest, context: Context) -> pb.MeEnvelope:
        """GET /v1/me."""
        return pb.MeEnvelope(code=_OK, message=_SUCCESS, data=_me(await self._callers.caller(current_identity())))

    async def DeleteSession(self, request: pb.DeleteSessionRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/sessions/current."""
        await self._sessions.end_own(current_identity())
        return _done()

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """POST /v1/sessions/current/password."""
        await self._sessions.change_password(current_identity(), request.current_password, request.new_password)
        return _done()


def _me(caller: Caller) -> pb.Me:
    me = pb.Me(
        account_id=str(caller.account.id),
        account_name=caller.account.name,
        kind=caller.kind,
        permissions=caller.permissions,
        scopes=caller.scopes,
        all_scopes=caller.all_scopes,
    )
    if caller.person is not None:
        me.user.CopyFrom(
            pb.MeUser(
                id=caller.person.public_id,
                name=caller.person.name,
                role=caller.person.role,
                team=caller.person.team,
                must_change_password=caller.must_change,
                needs_current_password=caller.needs_current_password,
            )
        )
    if caller.expires_at is not None:
        ends = Timestamp()
        ends.FromDatetime(caller.expires_at)
        me.expires_at.CopyFrom(ends)
    return me


def _done() -> envelope_pb2.ResponseEnvelope:
    return envelope_pb2.ResponseEnvelope(code=_OK, message=_SUCCESS, data=Value(null_value=NULL_VALUE))
