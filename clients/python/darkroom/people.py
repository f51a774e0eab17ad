"""The people of an account: users, their teams, roles, API keys and sessions, and the settings that all of them share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import grpc

from darkroom.accounts.v1 import (
    roles_service_pb2,
    roles_service_pb2_grpc,
    sessions_service_pb2,
    sessions_service_pb2_grpc,
    settings_service_pb2,
    settings_service_pb2_grpc,
    teams_service_pb2,
    teams_service_pb2_grpc,
    user_keys_service_pb2,
    user_keys_service_pb2_grpc,
    user_pb2,
    users_service_pb2,
    users_service_pb2_grpc,
)
from darkroom.calls import Call, new_key


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

    async def create(
        self, name: str, password: str, *, role: str | None = None, team: str | None = None, idempotency_key: str | None = None
    ) -> user_pb2.User:
        """Add a user, who has to change the password at the first sign-in.

        Without `role`, and for a role that does not exist, it is `user`; `team` is the name or id of a team, `Default` if absent. A name
        that another user has is refused with the reason NAME_TAKEN. With your own `idempotency_key`, calling again within 24 hours returns
        the same user.
        """
        request = users_service_pb2.CreateUserRequest(user_name=name, password=password, role=role, team=team)
        reply: users_service_pb2.CreateUserResponse = await self._call(
            self._stub.CreateUser, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.user

    async def invite(
        self,
        name: str,
        *,
        role: str | None = None,
        team: str | None = None,
        validity: timedelta | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[user_pb2.User, users_service_pb2.SignInLink]:
        """Add a user without a password. Returns the user and a link that signs in once, which cannot be shown again; then a password can
        be set. `role` and `team` as for `create`; the link is valid for three days unless `validity` says otherwise, at most seven days.
        With your own `idempotency_key`, calling again within 24 hours returns the same user and link."""
        request = users_service_pb2.InviteUserRequest(user_name=name, role=role, team=team)
        if validity is not None:
            request.validity.FromTimedelta(validity)
        reply: users_service_pb2.InviteUserResponse = await self._call(
            self._stub.InviteUser, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.user, reply.sign_in_link

    async def create_sign_in_link(self, user_id: str, *, validity: timedelta | None = None) -> users_service_pb2.SignInLink:
        """A link that signs a user in once, for somebody who was invited, or who has lost the password. It cannot be shown again, and is
        valid for three days unless `validity` says otherwise, at most seven days. Raises PermissionDenied for a user who may do something
        that the caller may not."""
        request = users_service_pb2.CreateSignInLinkRequest(user_id=user_id)
        if validity is not None:
            request.validity.FromTimedelta(validity)
        reply: users_service_pb2.CreateSignInLinkResponse = await self._call(self._stub.CreateSignInLink, request)
        return reply.sign_in_link

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


class Teams:
    """`teams` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = teams_service_pb2_grpc.TeamsServiceStub(channel), call

    async def list(self) -> Sequence[teams_service_pb2.Team]:
        """All teams, the oldest first."""
        reply: teams_service_pb2.ListTeamsResponse = await self._call(self._stub.ListTeams, teams_service_pb2.ListTeamsRequest())
        return reply.teams

    async def create(self, name: str, *, idempotency_key: str | None = None) -> teams_service_pb2.Team:
        """Add a team. With your own `idempotency_key`, calling again within 24 hours returns the same team."""
        request = teams_service_pb2.CreateTeamRequest(name=name)
        reply: teams_service_pb2.CreateTeamResponse = await self._call(
            self._stub.CreateTeam, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.team

    async def rename(self, team_id: str, name: str) -> teams_service_pb2.Team:
        """Give a team another name, which its people have at once."""
        request = teams_service_pb2.UpdateTeamRequest(team_id=team_id, name=name)
        reply: teams_service_pb2.UpdateTeamResponse = await self._call(self._stub.UpdateTeam, request)
        return reply.team

    async def delete(self, team_id: str) -> None:
        """Remove a team that nobody belongs to and that is not named `Default`."""
        await self._call(self._stub.DeleteTeam, teams_service_pb2.DeleteTeamRequest(team_id=team_id))


class Roles:
    """`roles` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    Every account has `admin`, `editor` and `user`, which cannot be changed, and may have roles of its own.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = roles_service_pb2_grpc.RolesServiceStub(channel), call

    async def list(self) -> Sequence[roles_service_pb2.Role]:
        """All roles: those that every account has, and then the account's own by their age."""
        reply: roles_service_pb2.ListRolesResponse = await self._call(self._stub.ListRoles, roles_service_pb2.ListRolesRequest())
        return reply.roles

    async def create(
        self, name: str, permissions: Collection[str], description: str = "", *, idempotency_key: str | None = None
    ) -> roles_service_pb2.Role:
        """Add a role that permits exactly `permissions`, such as `files:own`. With your own `idempotency_key`, calling again within 24
        hours returns the same role."""
        request = roles_service_pb2.CreateRoleRequest(name=name, description=description, permissions=list(dict.fromkeys(permissions)))
        reply: roles_service_pb2.CreateRoleResponse = await self._call(
            self._stub.CreateRole, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.role

    async def update(
        self, role_id: str, *, name: str | None = None, description: str | None = None, permissions: Collection[str] | None = None
    ) -> roles_service_pb2.Role:
        """Change a role, in effect at once; what is None stays. Those who have it keep it under another name, too."""
        request = roles_service_pb2.UpdateRoleRequest(role_id=role_id, name=name, description=description)
        if permissions is not None:
            request.permissions.CopyFrom(roles_service_pb2.Permissions(permissions=list(dict.fromkeys(permissions))))
        reply: roles_service_pb2.UpdateRoleResponse = await self._call(self._stub.UpdateRole, request)
        return reply.role

    async def delete(self, role_id: str) -> None:
        """Remove a role. Those who had it have the role `user` from now on."""
        await self._call(self._stub.DeleteRole, roles_service_pb2.DeleteRoleRequest(role_id=role_id))


class UserKeys:
    """`user_keys` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    Such a key belongs to a person, and permits at most what its owner's role does at the moment of each call. `keys` has those of the
    account.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = user_keys_service_pb2_grpc.UserKeysServiceStub(channel), call

    async def create(
        self,
        name: str = "",
        permissions: Collection[str] = (),
        expire_time: datetime | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> tuple[user_keys_service_pb2.UserKey, str]:
        """Create a key for the person whose session or key this client uses. Returns it with its secret, which cannot be shown again.

        `permissions` are what it may do at most, such as `tools:use`; without them, all that its owner may. Without `expire_time` it does
        not expire. With your own `idempotency_key`, calling again within 24 hours with the same session or key returns the same key.
        """
        request = user_keys_service_pb2.CreateUserKeyRequest(name=name, permissions=list(dict.fromkeys(permissions)))
        if expire_time is not None:
            request.expire_time.FromDatetime(expire_time)
        reply: user_keys_service_pb2.CreateUserKeyResponse = await self._call(
            self._stub.CreateUserKey, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.user_key, reply.secret

    async def list(self) -> Sequence[user_keys_service_pb2.UserKey]:
        """The person's keys, or everyone's for somebody with the permission `apikeys:all`, the oldest first."""
        reply: user_keys_service_pb2.ListUserKeysResponse = await self._call(
            self._stub.ListUserKeys, user_keys_service_pb2.ListUserKeysRequest()
        )
        return reply.user_keys

    async def delete(self, key_id: str) -> None:
        """Delete one of the person's own keys. Calls with it are refused within seconds."""
        await self._call(self._stub.DeleteUserKey, user_keys_service_pb2.DeleteUserKeyRequest(user_key_id=key_id))


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


class Settings:
    """`settings` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = settings_service_pb2_grpc.SettingsServiceStub(channel), call

    async def list(self) -> Sequence[settings_service_pb2.Setting]:
        """All settings, by name."""
        reply: settings_service_pb2.ListSettingsResponse = await self._call(
            self._stub.ListSettings, settings_service_pb2.ListSettingsRequest()
        )
        return reply.settings

    async def get(self, name: str) -> settings_service_pb2.Setting:
        """One setting. Raises NotFound if there is none with that name."""
        reply: settings_service_pb2.GetSettingResponse = await self._call(
            self._stub.GetSetting, settings_service_pb2.GetSettingRequest(name=name)
        )
        return reply.setting

    async def update(self, values: Mapping[str, str], removed: Collection[str] = ()) -> None:
        """Write settings and remove others, all or none. Any name may be set; those to be removed need not exist."""
        request = settings_service_pb2.UpdateSettingsRequest(values=values, removed=removed)
        await self._call(self._stub.UpdateSettings, request)
