"""`darkroom.internal.tasks.v1.DepartureService`: what people leave behind."""

from __future__ import annotations

from darkroom.internal.tasks.v1 import departure_service_pb2 as pb
from darkroom.internal.tasks.v1 import departure_service_pb2_grpc
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context
from services.tasks.domain.pipelines import SavedPipelines


class InternalDepartures(departure_service_pb2_grpc.DepartureServiceServicer):
    """The data of removed people of the account in the service token."""

    def __init__(self, pipelines: SavedPipelines) -> None:
        self._pipelines = pipelines

    async def ClearPipelines(self, request: pb.ClearPipelinesRequest, context: Context) -> pb.ClearPipelinesResponse:
        """Delete all that somebody has saved."""
        await self._pipelines.clear(current_identity().account_id, request.owner_id)
        return pb.ClearPipelinesResponse()
