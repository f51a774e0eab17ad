"""`darkroom.rest.v1.WorkersService`: `/v1/workers`."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.rest.v1 import workers_pb2 as pb
from darkroom.rest.v1 import workers_pb2_grpc
from services.accounts.domain.workers import JoinRequest, Workers
from services.accounts.membership_message import membership_message

Context = grpc.aio.ServicerContext[Any, Any]
_OK, _SUCCESS = 200, "success"


class RestWorkers(workers_pb2_grpc.WorkersServiceServicer):
    """For machines with a token."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def JoinWorker(self, request: pb.JoinWorkerRequest, context: Context) -> pb.JoinWorkerEnvelope:
        """POST /v1/workers/join."""
        asked = JoinRequest(
            token_id=int(request.token_id),
            name=request.name,
            certificate_request=request.certificate_request,
            public_key=request.public_key,
            version=request.version,
            time=request.time,
            mac=request.mac,
        )
        membership, keys = await self._workers.join(asked)
        sealed = keys.sealed(membership_message(membership).SerializeToString(), asked.digest)
        return pb.JoinWorkerEnvelope(code=_OK, message=_SUCCESS, data=pb.JoinedWorker(name=membership.worker.name, sealed=sealed))
