"""The native services about people: sessions, their keys, roles, teams and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.accounts.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    roles_service_pb2_grpc,
    sessions_service_pb2_grpc,
    teams_service_pb2_grpc,
    user_keys_service_pb2_grpc,
)
from darkroom.accounts.v1 import roles_service_pb2 as roles_pb
from darkroom.accounts.v1 import sessions_service_pb2 as sessions_pb
from darkroom.accounts.v1 import teams_service_pb2 as teams_pb
from darkroom.accounts.v1 import user_keys_service_pb2 as keys_pb
from services.accounts.domain.audit_trail import AuditTrail
from services.accounts.domain.roles import Roles
from services.accounts.domain.sessions import Sessions
from services.accounts.domain.teams import Teams
from services.accounts.domain.user_keys import UserKeys
from services.accounts.domain.users import Users
from services.accounts.people import PersonKey
from services.accounts.roles import Role, Team
from services.accounts.surfaces.native.users import user_message
from services.platform.audit.actions import action_text
from services.platform.audit.log import END_OF_TIME, AuditQuery
from services.platform.audit.messages import message_of
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.moments import moment


class NativeSessions(sessions_service_pb2_grpc.SessionsServiceServicer):
    """For everybody."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def CreateSession(self, request: sessions_pb.CreateSessionRequest, context: Context) -> sessions_pb.CreateSessionResponse:
        token, session = await self._sessions.create(request.user_name, request.password)
        reply = sessions_pb.CreateSessionResponse(token=token, user=user_message(session.person))
        reply.expire_time.FromDatetime(session.expires_at)
        return reply

    async def GetSession(self, request: sessions_pb.GetSessionRequest, context: Context) -> sessions_pb.GetSessionResponse:
        session = await self._sessions.session(request.token, current_identity())
        reply = sessions_pb.GetSessionResponse(user=user_message(session.person))
        reply.expire_time.FromDatetime(session.expires_at)
        return reply

    async def DeleteSession(self, request: sessions_pb.DeleteSessionRequest, context: Context) -> sessions_pb.DeleteSessionResponse:
        await self._sessions.delete(request.token, current_identity())
        return sessions_pb.DeleteSessionResponse()

    async def ChangePassword(self, request: sessions_pb.ChangePasswordRequest, context: Context) -> sessions_pb.ChangePasswordResponse:
        await self._sessions.change_password(current_identity(), request.current_password, request.new_password)
        return sessions_pb.ChangePasswordResponse()

    async def SetAnalyticsChoice(
        self, request: sessions_pb.SetAnalyticsChoiceRequest, context: Context
    ) -> sessions_pb.SetAnalyticsChoiceResponse:
        answered = await self._sessions.set_analytics(current_identity(), request.enabled, request.remind_later)
        return sessions_pb.SetAnalyticsChoiceResponse(analytics_enabled=answered)


class NativeUserKeys(user_keys_service_pb2_grpc.UserKeysServiceServicer):
    """For people."""

    def __init__(self, keys: UserKeys) -> None:
        self._keys = keys

    async def CreateUserKey(self, request: keys_pb.CreateUserKeyRequest, context: Context) -> keys_pb.CreateUserKeyResponse:
        call = current_idempotency()
        key, secret = await self._keys.create(current_identity(), request.name, request.permissions, lambda: _expiry(request), call)
        return keys_pb.CreateUserKeyResponse(user_key=_key(key), secret=secret)

    async def ListUserKeys(self, request: keys_pb.ListUserKeysRequest, context: Context) -> keys_pb.ListUserKeysResponse:
        return keys_pb.ListUserKeysResponse(user_keys=map(_key, await self._keys.all(current_identity())))

    async def DeleteUserKey(self, request: keys_pb.DeleteUserKeyRequest, context: Context) -> keys_pb.DeleteUserKeyResponse:
        await self._keys.delete(current_identity(), request.user_key_id)
        return keys_pb.DeleteUserKeyResponse()


def _expiry(request: keys_pb.CreateUserKeyRequest) -> datetime | None:
    if not request.HasField("expire_time"):
        return None
    try:
        return request.expire_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "Invalid expiresAt date", field="expire_time") from None


def _key(key: PersonKey) -> keys_pb.UserKey:
    return keys_pb.UserKey(
        id=key.public_id,
        name=key.name,
        permissions=key.permissions or (),
        create_time=_timestamp(key.created_at),
        expire_time=_timestamp(key.expires_at),
        last_use_time=_timestamp(key.last_used_at),
        user_id=key.owner,
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


class NativeRoles(roles_service_pb2_grpc.RolesServiceServicer):
    """For those who manage people."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    async def ListRoles(self, request: roles_pb.ListRolesRequest, context: Context) -> roles_pb.ListRolesResponse:
        return roles_pb.ListRolesResponse(roles=map(_role, await self._roles.all(current_identity())))

    async def CreateRole(self, request: roles_pb.CreateRoleRequest, context: Context) -> roles_pb.CreateRoleResponse:
        call = current_idempotency()
        role = await self._roles.create(current_identity(), request.name, request.description, request.permissions, call)
        return roles_pb.CreateRoleResponse(role=_role(role))

    async def UpdateRole(self, request: roles_pb.UpdateRoleRequest, context: Context) -> roles_pb.UpdateRoleResponse:
        name = request.name if request.HasField("name") else None
        description = request.description if request.HasField("description") else None
        permissions = request.permissions.permissions if request.HasField("permissions") else None
        role = await self._roles.update(current_identity(), request.role_id, name, description, permissions)
        return roles_pb.UpdateRoleResponse(role=_role(role))

    async def DeleteRole(self, request: roles_pb.DeleteRoleRequest, context: Context) -> roles_pb.DeleteRoleResponse:
        await self._roles.delete(current_identity(), request.role_id)
        return roles_pb.DeleteRoleResponse()


def _role(role: Role) -> roles_pb.Role:
    message = roles_pb.Role(
        id=role.id,
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        built_in=role.built_in,
        user_count=role.user_count,
    )
    message.create_time.FromDatetime(role.created_at)
    message.update_time.FromDatetime(role.updated_at)
    return message


class NativeTeams(teams_service_pb2_grpc.TeamsServiceServicer):
    """For those who manage teams."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def ListTeams(self, request: teams_pb.ListTeamsRequest, context: Context) -> teams_pb.ListTeamsResponse:
        return teams_pb.ListTeamsResponse(teams=map(_team, await self._teams.all(current_identity())))

    async def CreateTeam(self, request: teams_pb.CreateTeamRequest, context: Context) -> teams_pb.CreateTeamResponse:
        team = await self._teams.create(current_identity(), request.name, current_idempotency())
        return teams_pb.CreateTeamResponse(team=_team(team))

    async def UpdateTeam(self, request: teams_pb.UpdateTeamRequest, context: Context) -> teams_pb.UpdateTeamResponse:
        return teams_pb.UpdateTeamResponse(team=_team(await self._teams.update(current_identity(), request.team_id, request.name)))

    async def DeleteTeam(self, request: teams_pb.DeleteTeamRequest, context: Context) -> teams_pb.DeleteTeamResponse:
        await self._teams.delete(current_identity(), request.team_id)
        return teams_pb.DeleteTeamResponse()


def _team(team: Team) -> teams_pb.Team:
    message = teams_pb.Team(id=team.id, name=team.name, member_count=team.member_count)
    message.create_time.FromDatetime(team.created_at)
    return message


class NativeAudit(audit_service_pb2_grpc.AuditServiceServicer):
    """The calling account's log."""

    def __init__(self, trail: AuditTrail, users: Users) -> None:
        self._trail, self._users = trail, users

    async def ListAuditEntries(
        self, request: audit_service_pb2.ListAuditEntriesRequest, context: Context
    ) -> audit_service_pb2.ListAuditEntriesResponse:
        query = AuditQuery(
            account_id=current_identity().account_id,
            actions=list(map(action_text, request.actions)),
            resource_id=request.resource_id or None,
            key_id=request.key_id or None,
            since=moment(request.start_time, "start_time") if request.HasField("start_time") else None,
            before=(moment(request.end_time, "end_time") if request.HasField("end_time") else END_OF_TIME, 0),
        )
        page = await self._trail.page(query, size=request.page_size, token=request.page_token, skip=request.skip)
        reply = audit_service_pb2.ListAuditEntriesResponse(entries=map(message_of, page.entries), next_page_token=page.next_page_token)
        actors = {entry.actor.user_id for entry in reply.entries if entry.actor.user_id}
        gone = await self._users.find_removed(query.account_id, actors) if actors else actors
        for entry in reply.entries:
            entry.actor.removed = entry.actor.user_id in gone
        if request.count:
            reply.total_size = await self._trail.count(query)
        return reply
