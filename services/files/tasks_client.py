"""The files service's client of the tasks service."""

from __future__ import annotations

from collections.abc import Collection

import grpc

from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from darkroom.tasks.v1 import task_pb2
from services.files.records import EndedTask
from services.platform.errors import translate_rpc_errors
from services.platform.rpc.channel import Caller

TERMINAL_STATES = {task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_FAILED, task_pb2.TASK_STATE_CANCELLED}
_BATCH = 1000  # the limit of LookupTasks
_SECONDS = 10.0


class TasksClient:
    """Looks up tasks of any account."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        self._caller = caller

    async def find_ended(self, task_ids: Collection[int]) -> list[EndedTask]:
        """Those of the tasks that have ended, and those that do not exist, as ended without outputs. Raises UNAVAILABLE."""
        ordered, ended = sorted(task_ids), list[EndedTask]()
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            request = attempt_service_pb2.LookupTasksRequest(task_ids=batch)
            with translate_rpc_errors():
                reply = await self._stub.LookupTasks(request, metadata=self._caller.on_behalf_of(0), timeout=_SECONDS)
            standings = {standing.task_id: standing for standing in reply.tasks}
            for task_id in batch:
                standing = standings.get(task_id)
                if standing is None:
                    ended.append(EndedTask(task_id))
                elif standing.state in TERMINAL_STATES:
                    ended.append(EndedTask(task_id, tuple(standing.output_file_ids)))
        return ended
