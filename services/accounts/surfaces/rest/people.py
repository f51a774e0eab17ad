"""The services of REST about people: users, roles, teams and the keys of people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from google.protobuf.struct_pb2 import NULL_VALUE, Value
from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.rest.v1 import envelope_pb2, me_keys_pb2_grpc, roles_pb2_grpc, teams_pb2_grpc, users_pb2_grpc
from darkroom.rest.v1 import me_keys_pb2 as keys_pb
from darkroom.rest.v1 import roles_pb2 as roles_pb
from darkroom.rest.v1 import teams_pb2 as teams_pb
from darkroom.rest.v1 import users_pb2 as users_pb
from services.accounts.domain.new_people import INVITATION_MINUTES, NewPeople
from services.accounts.domain.roles import Roles
from services.accounts.domain.sign_in_links import NewLink
from services.accounts.domain.teams import Teams
from services.accounts.domain.user_keys import UserKeys
from services.accounts.domain.users import Users
from services.accounts.people import Person, PersonKey
from services.accounts.permissions import PERMISSIONS
from services.accounts.roles import Role, Team
from services.platform.errors import DarkroomError
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.moments import moment

_OK, _SUCCESS = 200, "success"


def done() -> envelope_pb2.ResponseEnvelope:
    """The reply of a call that has nothing to say."""
    return envelope_pb2.ResponseEnvelope(code=_OK, message=_SUCCESS, data=Value(null_value=NULL_VALUE))


@contextmanager
def renaming(**fields: str) -> Iterator[None]:
    """Errors about fields that have other names in the native API, by those names."""
    try:
        yield
    except DarkroomError as error:
        name = fields.get(error.field or "")
        if name is None:
            raise
        raise error.at(name) from error


class RestUsers(users_pb2_grpc.UsersServiceServicer):
    """For those who manage people. `public_url` is where people reach the console, for links."""

    def __init__(self, users: Users, new_people: NewPeople, public_url: str) -> None:
        self._users, self._new_people, self._public_url = users, new_people, public_url

    async def ListUsers(self, request: users_pb.ListUsersRequest, context: Context) -> users_pb.UserListEnvelope:
        """GET /v1/users."""
        people = await self._users.all(current_identity())
        data = users_pb.UserList(items=map(_user, people), max_users=self._users.most or None)
        return users_pb.UserListEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def CreateUser(self, request: users_pb.CreateUserRequest, context: Context) -> users_pb.CreatedUserEnvelope:
        """POST /v1/users."""
        caller, call = current_identity(), current_idempotency()
        role = request.role if request.HasField("role") else None
        team = request.team if request.HasField("team") else None
        with renaming(user_name="name"):
            if role is not None:
                await self._users.require_role(caller, role)
            if request.HasField("password"):
                person = await self._new_people.add(caller, request.name, request.password, role, team, call)
                data = users_pb.CreatedUser(user=_user(person))
            else:
                person, link = await self._new_people.invite(caller, request.name, role, team, _validity(request), call)
                data = users_pb.CreatedUser(user=_user(person), sign_in_link=self._link(link))
        return users_pb.CreatedUserEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def UpdateUser(self, request: users_pb.UpdateUserRequest, context: Context) -> users_pb.UserEnvelope:
        """PATCH /v1/users/{id}."""
        caller = current_identity()
        role = request.role if request.HasField("role") else None
        team = request.team if request.HasField("team") else None
        if role is not None:
            await self._users.require_role(caller, role)
        person = await self._users.update(caller, request.id, role, team)
        return users_pb.UserEnvelope(code=_OK, message=_SUCCESS, data=_user(person))

    async def DeleteUser(self, request: users_pb.DeleteUserRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/users/{id}."""
        await self._users.delete(current_identity(), request.id)
        return done()

    async def ResetPassword(self, request: users_pb.ResetPasswordRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """POST /v1/users/{id}/reset-password."""
        await self._users.reset_password(current_identity(), request.id, request.new_password)
        return done()

    async def CreateSignInLink(self, request: users_pb.CreateSignInLinkRequest, context: Context) -> users_pb.SignInLinkEnvelope:
        """POST /v1/users/{id}/sign-in-link."""
        link = await self._new_people.renew(current_identity(), request.id, _validity(request))
        return users_pb.SignInLinkEnvelope(code=_OK, message=_SUCCESS, data=self._link(link))

    def _link(self, link: NewLink) -> users_pb.SignInLink:
        return users_pb.SignInLink(url=link.url(self._public_url), token=link.token, expires_at=_timestamp(link.expires_at))


def _validity(request: users_pb.CreateUserRequest | users_pb.CreateSignInLinkRequest) -> timedelta:
    return timedelta(minutes=request.minutes if request.HasField("minutes") else INVITATION_MINUTES)


def _user(person: Person) -> users_pb.User:
    return users_pb.User(
        id=person.public_id,
        name=person.name,
        role=person.role,
        permissions=sorted(person.permissions),
        team=person.team,
        must_change_password=person.must_change,
        has_password=bool(person.password_hash),
        created_at=_timestamp(person.created_at),
    )


class RestRoles(roles_pb2_grpc.RolesServiceServicer):
    """For those who manage people."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    async def ListRoles(self, request: roles_pb.ListRolesRequest, context: Context) -> roles_pb.RoleListEnvelope:
        """GET /v1/roles."""
        data = roles_pb.RoleList(items=map(_role, await self._roles.all(current_identity())), permissions=sorted(PERMISSIONS))
        return roles_pb.RoleListEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def CreateRole(self, request: roles_pb.CreateRoleRequest, context: Context) -> roles_pb.RoleEnvelope:
        """POST /v1/roles."""
        call = current_idempotency()
        role = await self._roles.create(current_identity(), request.name, request.description, request.permissions, call)
        return roles_pb.RoleEnvelope(code=_OK, message=_SUCCESS, data=_role(role))

    async def ReplaceRole(self, request: roles_pb.ReplaceRoleRequest, context: Context) -> roles_pb.RoleEnvelope:
        """PUT /v1/roles/{id}."""
        with renaming(role_id="id"):
            role = await self._roles.update(current_identity(), request.id, request.name, request.description, request.permissions)
        return roles_pb.RoleEnvelope(code=_OK, message=_SUCCESS, data=_role(role))

    async def DeleteRole(self, request: roles_pb.DeleteRoleRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/roles/{id}."""
        with renaming(role_id="id"):
            await self._roles.delete(current_identity(), request.id)
        return done()


def _role(role: Role) -> roles_pb.Role:
    return roles_pb.Role(
        id=role.id,
        name=role.name,
        description=role.description or None,
        permissions=sorted(role.permissions),
        built_in=role.built_in,
        user_count=role.user_count,
        created_at=_timestamp(role.created_at),
        updated_at=_timestamp(role.updated_at),
    )


class RestTeams(teams_pb2_grpc.TeamsServiceServicer):
    """For those who manage teams."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def ListTeams(self, request: teams_pb.ListTeamsRequest, context: Context) -> teams_pb.TeamListEnvelope:
        """GET /v1/teams."""
        data = teams_pb.TeamList(items=map(_team, await self._teams.all(current_identity())))
        return teams_pb.TeamListEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def CreateTeam(self, request: teams_pb.CreateTeamRequest, context: Context) -> teams_pb.TeamEnvelope:
        """POST /v1/teams."""
        team = await self._teams.create(current_identity(), request.name, current_idempotency())
        return teams_pb.TeamEnvelope(code=_OK, message=_SUCCESS, data=_team(team))

    async def ReplaceTeam(self, request: teams_pb.ReplaceTeamRequest, context: Context) -> teams_pb.TeamEnvelope:
        """PUT /v1/teams/{id}."""
        team = await self._teams.update(current_identity(), request.id, request.name)
        return teams_pb.TeamEnvelope(code=_OK, message=_SUCCESS, data=_team(team))

    async def DeleteTeam(self, request: teams_pb.DeleteTeamRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/teams/{id}."""
        await self._teams.delete(current_identity(), request.id)
        return done()


def _team(team: Team) -> teams_pb.Team:
    return teams_pb.Team(id=team.id, name=team.name, member_count=team.member_count, created_at=_timestamp(team.created_at))


class RestUserKeys(me_keys_pb2_grpc.UserKeysServiceServicer):
    """For people."""

    def __init__(self, keys: UserKeys) -> None:
        self._keys = keys

    async def CreateUserKey(self, request: keys_pb.CreateUserKeyRequest, context: Context) -> keys_pb.CreatedUserKeyEnvelope:
        """POST /v1/me/keys."""
        call = current_idempotency()

        def expiry() -> datetime | None:
            return moment(request.expires_at, "expires_at") if request.HasField("expires_at") else None

        with renaming(expire_time="expires_at"):
            key, secret = await self._keys.create(current_identity(), request.name, request.permissions, expiry, call)
        return keys_pb.CreatedUserKeyEnvelope(code=_OK, message=_SUCCESS, data=keys_pb.CreatedUserKey(key=_key(key), secret=secret))

    async def ListUserKeys(self, request: keys_pb.ListUserKeysRequest, context: Context) -> keys_pb.UserKeyListEnvelope:
        """GET /v1/me/keys."""
        data = keys_pb.UserKeyList(items=map(_key, await self._keys.all(current_identity())))
        return keys_pb.UserKeyListEnvelope(code=_OK, message=_SUCCESS, data=data)

    async def DeleteUserKey(self, request: keys_pb.DeleteUserKeyRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """DELETE /v1/me/keys/{id}."""
        await self._keys.delete(current_identity(), request.id)
        return done()


def _key(key: PersonKey) -> keys_pb.UserKey:
    return keys_pb.UserKey(
        id=key.public_id,
        name=key.name,
        permissions=key.permissions or (),
        created_at=_timestamp(key.created_at),
        expires_at=_timestamp(key.expires_at) if key.expires_at is not None else None,
        last_used_at=_timestamp(key.last_used_at) if key.last_used_at is not None else None,
        user_id=key.owner,
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
