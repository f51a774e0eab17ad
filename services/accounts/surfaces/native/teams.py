"""darkroom.accounts.v1.TeamsService: the teams of people."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import teams_service_pb2 as pb
from darkroom.accounts.v1 import teams_service_pb2_grpc
from services.accounts.domain.teams import Teams
from services.accounts.roles import Team
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class NativeTeams(teams_service_pb2_grpc.TeamsServiceServicer):
    """For those who manage teams."""

    def __init__(self, teams: Teams) -> None:
        self._teams = teams

    async def ListTeams(self, request: pb.ListTeamsRequest, context: Context) -> pb.ListTeamsResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        return pb.ListTeamsResponse(teams=map(_message, await self._teams.all(current_identity())))

    async def CreateTeam(self, request: pb.CreateTeamRequest, context: Context) -> pb.CreateTeamResponse:  # noqa: D102 - an rpc
        return pb.CreateTeamResponse(team=_message(await self._teams.create(current_identity(), request.name)))

    async def UpdateTeam(self, request: pb.UpdateTeamRequest, context: Context) -> pb.UpdateTeamResponse:  # noqa: D102 - an rpc
        return pb.UpdateTeamResponse(team=_message(await self._teams.update(current_identity(), request.team_id, request.name)))

    async def DeleteTeam(self, request: pb.DeleteTeamRequest, context: Context) -> pb.DeleteTeamResponse:  # noqa: D102 - an rpc
        await self._teams.delete(current_identity(), request.team_id)
        return pb.DeleteTeamResponse()


def _message(team: Team) -> pb.Team:
    message = pb.Team(id=team.id, name=team.name, member_count=team.member_count)
    message.create_time.FromDatetime(team.created_at)
    return message
