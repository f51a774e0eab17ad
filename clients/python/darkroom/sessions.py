"""Sessions: signing in and out, and the own password."""

from __future__ import annotations

import grpc

from darkroom.accounts.v1 import sessions_service_pb2, sessions_service_pb2_grpc
from darkroom.calls import Call


class Sessions:
    """`sessions` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    A session's token takes the place of an API key: a client that is made with it acts for the person who has signed in.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call, own_token: str) -> None:
        self._stub, self._call, self._own_token = sessions_service_pb2_grpc.SessionsServiceStub(channel), call, own_token

    async def create(self, user_name: str, password: str) -> sessions_service_pb2.CreateSessionResponse:
        """Sign in. The reply has the session's token (`token`), which cannot be shown again, who has signed in (`user`), and when the
        session ends by itself (`expire_time`). It needs no API key: the client may be made with an empty one.

        If `user.must_change_password`, the session can do little but `change_password`. Raises Unauthenticated with the reason
        CREDENTIALS_INVALID for an unknown name or a wrong password.
        """
        request = sessions_service_pb2.CreateSessionRequest(user_name=user_name, password=password)
        return await self._call(self._stub.CreateSession, request)

    async def get(self, token: str = "") -> sessions_service_pb2.GetSessionResponse:
        """The person signed in with a token (`user`), and the end of the session (`expire_time`); without one, with that of this client.
        Raises Unauthenticated with the reason SESSION_INVALID if the session has ended, and for API keys."""
        return await self._call(self._stub.GetSession, sessions_service_pb2.GetSessionRequest(token=token or self._own_token))

    async def delete(self, token: str = "") -> None:
        """Sign out: end the session of a token, or without one, that of this client. Safe to repeat."""
        await self._call(self._stub.DeleteSession, sessions_service_pb2.DeleteSessionRequest(token=token or self._own_token))

    async def change_password(self, current_password: str, new_password: str) -> None:
        """Change the password of the person whose session this client uses. This session stays; all others of the person and all API keys
        of the person end."""
        request = sessions_service_pb2.ChangePasswordRequest(current_password=current_password, new_password=new_password)
        await self._call(self._stub.ChangePassword, request)
