"""Users: the people who sign in."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from darkroom.accounts.v1 import user_pb2, users_service_pb2, users_service_pb2_grpc
from darkroom.calls import Call


class Users:
    """`users` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    They need a session or key of a person who may manage users, or a key of the account with the scope `users:manage`.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = users_service_pb2_grpc.UsersServiceStub(channel), call

    async def list(self) -> Sequence[user_pb2.User]:
        """All users, the oldest first."""
        reply: users_service_pb2.ListUsersResponse = await self._call(self._stub.ListUsers, users_service_pb2.ListUsersRequest())
        return reply.users

    async def create(self, name: str, password: str, *, role: str | None = None, team: str | None = None) -> user_pb2.User:
        """Add a user, who has to change the password at the first sign-in.

        Without `role`, and for a role that does not exist, it is `user`; `team` is the name or id of a team, `Default` if absent. A name
        that another user has is refused with the reason NAME_TAKEN, which a call that was repeated after a lost reply may see, too.
        """
        request = users_service_pb2.CreateUserRequest(user_name=name, password=password, role=role, team=team)
        reply: users_service_pb2.CreateUserResponse = await self._call(self._stub.CreateUser, request)
        return reply.user

    async def update(self, user_id: str, *, role: str | None = None, team: str | None = None) -> user_pb2.User:
        """Change the role or the team of a user, in effect at once. Values of None stay, and so does the role if the new one does not
        exist."""
        request = users_service_pb2.UpdateUserRequest(user_id=user_id, role=role, team=team)
        reply: users_service_pb2.UpdateUserResponse = await self._call(self._stub.UpdateUser, request)
        return reply.user

    async def reset_password(self, user_id: str, new_password: str) -> None:
        """Set the password of a user, who has to change it at the next sign-in. All sessions and API keys of the user end."""
        request = users_service_pb2.ResetPasswordRequest(user_id=user_id, new_password=new_password)
        await self._call(self._stub.ResetPassword, request)

    async def delete(self, user_id: str) -> None:
        """Remove a user, and end all sessions and API keys of the user."""
        await self._call(self._stub.DeleteUser, users_service_pb2.DeleteUserRequest(user_id=user_id))
