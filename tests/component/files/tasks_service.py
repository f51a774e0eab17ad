"""The other end of LookupTasks: a gRPC service whose tasks a test makes up."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason


class MadeUpTasks(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Tasks and how they stand."""

    def __init__(self) -> None:
        self.standings: dict[int, pb.TaskStanding] = {}
        self.asked: list[int] = []
        self.fail = False

    def put(self, task_id: int, state: task_pb2.TaskState.ValueType, *outputs: int) -> None:
        """Let a task stand so."""
        self.standings[task_id] = pb.TaskStanding(task_id=task_id, state=state, output_file_ids=outputs)

    async def LookupTasks(  # noqa: N802 - gRPC's name
        self, request: pb.LookupTasksRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.LookupTasksResponse:
        if self.fail:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "Away.")
        self.asked += request.task_ids
        return pb.LookupTasksResponse(tasks=[self.standings[task_id] for task_id in request.task_ids if task_id in self.standings])
