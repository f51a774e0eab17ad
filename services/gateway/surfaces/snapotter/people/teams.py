"""Teams: what accounts says, in SnapOtter's JSON."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.accounts.v1 import teams_service_pb2 as pb
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import json_body, storable, text_of
from services.gateway.surfaces.snapotter.errors import answer
from services.gateway.surfaces.snapotter.times import instant
from services.platform.identity import Identity

_METHODS = pb.DESCRIPTOR.services_by_name["TeamsService"].methods_by_name


class Teams:
    """Asks accounts on behalf of callers. A name that is no text counts as none."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def list_teams(self, request: Request, identity: Identity) -> Response:
        """All teams."""
        reply: pb.ListTeamsResponse = await self._ask("ListTeams", pb.ListTeamsRequest(), identity)
        return answer({"teams": [_team(team) for team in reply.teams]})

    async def create(self, request: Request, identity: Identity) -> Response:
        """Add a team."""
        name = storable(text_of(await json_body(request), "name") or "")
        reply: pb.CreateTeamResponse = await self._ask("CreateTeam", pb.CreateTeamRequest(name=name), identity)
        return answer({"id": reply.team.id, "name": reply.team.name}, 201)

    async def update(self, request: Request, identity: Identity) -> Response:
        """Rename a team."""
        name = storable(text_of(await json_body(request), "name") or "")
        await self._ask("UpdateTeam", pb.UpdateTeamRequest(team_id=storable(request.path_params["id"]), name=name), identity)
        return answer({"ok": True})

    async def delete(self, request: Request, identity: Identity) -> Response:
        """Remove a team."""
        await self._ask("DeleteTeam", pb.DeleteTeamRequest(team_id=storable(request.path_params["id"])), identity)
        return answer({"ok": True})

    async def _ask(self, method: str, asked: Message, identity: Identity) -> Any:
        return (await self._backend.call("accounts", _METHODS[method], asked, identity)).message


def _team(team: pb.Team) -> dict[str, object]:
    return {"id": team.id, "name": team.name, "memberCount": team.member_count, "createdAt": instant(team.create_time)}
