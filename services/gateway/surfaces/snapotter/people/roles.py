"""Roles and teams: what accounts says, in SnapOtter's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import roles_service_pb2 as roles_pb
from darkroom.accounts.v1 import teams_service_pb2 as teams_pb
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import json_body, storable, text_of
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.times import instant
from services.platform.identity import Identity

_ROLE_METHODS = roles_pb.DESCRIPTOR.services_by_name["RolesService"].methods_by_name


class Roles:
    """Asks accounts on behalf of callers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def list_roles(self, request: Request, identity: Identity) -> Response:
        """All roles."""
        reply: roles_pb.ListRolesResponse = await self._ask("ListRoles", roles_pb.ListRolesRequest(), identity)
        return answer({"roles": [_role(role) for role in reply.roles]})

    async def create(self, request: Request, identity: Identity) -> Response:
        """Add a role."""
        body = await json_body(request)
        asked, faults = roles_pb.CreateRoleRequest(), _faults(body)
        if faults:
            raise _invalid(faults)
        asked.name, asked.description = (storable(body.get(field) or "") for field in ("name", "description"))
        asked.permissions.extend(map(storable, body.get("permissions") or ()))
        reply: roles_pb.CreateRoleResponse = await self._ask("CreateRole", asked, identity)
        role = _role(reply.role)
        return answer({name: role[name] for name in ("id", "name", "description", "permissions", "isBuiltin")}, 201)

    async def update(self, request: Request, identity: Identity) -> Response:
        """Change a role."""
        body = await json_body(request)
        asked, faults = roles_pb.UpdateRoleRequest(role_id=storable(request.path_params["id"])), _faults(body)
        if not faults:
            for field in ("name", "description"):
                if body.get(field) is not None:
                    setattr(asked, field, storable(body[field]))
            if body.get("permissions") is not None:
                asked.permissions.SetInParent()
                asked.permissions.permissions.extend(map(storable, body["permissions"]))
        # Without anything to change, this says whether there is such a role, which comes first.
        await self._ask("UpdateRole", asked, identity)
        if faults:
            raise _invalid(faults)
        return answer({"ok": True})

    async def delete(self, request: Request, identity: Identity) -> Response:
        """Remove a role."""
        await self._ask("DeleteRole", roles_pb.DeleteRoleRequest(role_id=storable(request.path_params["id"])), identity)
        return answer({"ok": True})

    async def _ask(self, method: str, asked: Message, identity: Identity) -> Any:
        return (await self._backend.call("accounts", _ROLE_METHODS[method], asked, identity)).message


def _faults(body: object) -> list[str]:
    if not isinstance(body, Mapping):
        return ["The body must be an object"]
    faults = [f"{field} must be text" for field in ("name", "description") if not isinstance(body.get(field), str | None)]
    permissions = body.get("permissions")
    if permissions is not None and not (isinstance(permissions, list) and all(isinstance(each, str) for each in permissions)):
        faults.append("permissions must be a list of texts")
    return faults


def _invalid(faults: list[str]) -> Refusal:
    return Refusal(400, "; ".join(faults), code="VALIDATION_ERROR")


def _role(role: roles_pb.Role) -> dict[str, object]:
    return {
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "permissions": list(role.permissions),
        "isBuiltin": role.built_in,
        "userCount": role.user_count,
        "createdAt": instant(role.create_time),
        "updatedAt": instant(role.update_time),
    }


_TEAM_METHODS = teams_pb.DESCRIPTOR.services_by_name["TeamsService"].methods_by_name


class Teams:
    """Asks accounts on behalf of callers. A name that is no text counts as none."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def list_teams(self, request: Request, identity: Identity) -> Response:
        """All teams."""
        reply: teams_pb.ListTeamsResponse = await self._ask("ListTeams", teams_pb.ListTeamsRequest(), identity)
        return answer({"teams": [_team(team) for team in reply.teams]})

    async def create(self, request: Request, identity: Identity) -> Response:
        """Add a team."""
        name = storable(text_of(await json_body(request), "name") or "")
        reply: teams_pb.CreateTeamResponse = await self._ask("CreateTeam", teams_pb.CreateTeamRequest(name=name), identity)
        return answer({"id": reply.team.id, "name": reply.team.name}, 201)

    async def update(self, request: Request, identity: Identity) -> Response:
        """Rename a team."""
        name = storable(text_of(await json_body(request), "name") or "")
        await self._ask("UpdateTeam", teams_pb.UpdateTeamRequest(team_id=storable(request.path_params["id"]), name=name), identity)
        return answer({"ok": True})

    async def delete(self, request: Request, identity: Identity) -> Response:
        """Remove a team."""
        await self._ask("DeleteTeam", teams_pb.DeleteTeamRequest(team_id=storable(request.path_params["id"])), identity)
        return answer({"ok": True})

    async def _ask(self, method: str, asked: Message, identity: Identity) -> Any:
        return (await self._backend.call("accounts", _TEAM_METHODS[method], asked, identity)).message


def _team(team: teams_pb.Team) -> dict[str, object]:
    return {"id": team.id, "name": team.name, "memberCount": team.member_count, "createdAt": instant(team.create_time)}
