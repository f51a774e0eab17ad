"""`darkroom.internal.files.v1.RetentionService`: how long files are kept, where people may say so."""

from __future__ import annotations

from darkroom.internal.files.v1 import retention_service_pb2 as pb
from darkroom.internal.files.v1 import retention_service_pb2_grpc
from services.files.domain.ages import MaxAges
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context


class Retention(retention_service_pb2_grpc.RetentionServiceServicer):
    """Terms of the account in the service token."""

    def __init__(self, ages: MaxAges) -> None:
        self._ages = ages

    async def SetMaxAge(self, request: pb.SetMaxAgeRequest, context: Context) -> pb.SetMaxAgeResponse:
        """How old files of an API may get."""
        age = request.max_age.ToTimedelta() if request.HasField("max_age") else None
        await self._ages.set(current_identity().account_id, request.surface, age)
        return pb.SetMaxAgeResponse()
