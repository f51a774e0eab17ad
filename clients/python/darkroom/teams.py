"""Teams: each person belongs to one."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from darkroom.accounts.v1 import teams_service_pb2, teams_service_pb2_grpc
from darkroom.calls import Call


class Teams:
    """`teams` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = teams_service_pb2_grpc.TeamsServiceStub(channel), call

    async def list(self) -> Sequence[teams_service_pb2.Team]:
        """All teams, the oldest first."""
        reply: teams_service_pb2.ListTeamsResponse = await self._call(self._stub.ListTeams, teams_service_pb2.ListTeamsRequest())
        return reply.teams

    async def create(self, name: str) -> teams_service_pb2.Team:
        """Add a team."""
        reply: teams_service_pb2.CreateTeamResponse = await self._call(
            self._stub.CreateTeam, teams_service_pb2.CreateTeamRequest(name=name)
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
