"""Client for the storages that the operator has configured, which the files service reads and writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from darkroom.internal.files.v1 import intake_service_pb2 as pb
from darkroom.internal.files.v1 import intake_service_pb2_grpc
from darkroom.internal.tasks.v1 import stored_pb2
from services.platform.errors import DarkroomError, ErrorReason, translate_rpc_errors
from services.platform.rpc.channel import Caller

_SECONDS = 10.0
_LISTING_SECONDS = 60.0
_DELIVERY_SECONDS = 1800.0
"""For all results of a task. The attempt's lease ends it earlier."""
_DESTINATION, _URL = "destination", "url"


class StoragesClient:
    """Calls IntakeService on behalf of an account. Every method raises `DarkroomError`."""

    def __init__(self, intake: intake_service_pb2_grpc.IntakeServiceAsyncStub, caller: Caller) -> None:
        self._intake, self._caller = intake, caller

    async def all(self, account_id: int) -> list[pb.ConfiguredStorage]:
        """Those that the account can use, by name."""
        with translate_rpc_errors():
            reply = await self._intake.ListStorages(
                pb.ListStoragesRequest(), metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS
            )
        return list(reply.storages)

    async def check_destinations(self, account_id: int, destinations: Sequence[str]) -> dict[str, DarkroomError]:
        """The errors of those that results cannot be written to, blamed on `destination`."""
        request = pb.CheckDestinationsRequest(destinations=destinations)
        with translate_rpc_errors():
            reply = await self._intake.CheckDestinations(request, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        return {
            destinations[each.index]: DarkroomError(
                ErrorReason.from_number(each.reason), each.message, field=_DESTINATION, allowed=each.allowed
            )
            for each in reply.refusals
        }

    async def list_folder(
        self, account_id: int, url: str, field: str, extensions: Collection[str], most: int, *, recursive: bool
    ) -> list[str]:
        """The paths of files with these extensions within a folder, in order. Raises the errors of ListFolder, blamed on `field`."""
        request = pb.ListFolderRequest(url=url, recursive=recursive, extensions=sorted(extensions), most=most)
        try:
            with translate_rpc_errors():
                reply = await self._intake.ListFolder(request, metadata=self._caller.on_behalf_of(account_id), timeout=_LISTING_SECONDS)
        except DarkroomError as error:
            if error.field != _URL:
                raise
            raise error.saying(field + error.message.removeprefix(_URL)).at(field) from error
        return list(reply.paths)

    async def deliver(self, account_id: int, task_id: int, attempt: int, file_ids: Sequence[int], destination: str) -> list[bytes]:
        """Copy outputs of an attempt to their destination. Returns `StoredDelivery` messages. Raises the errors of DeliverOutputs."""
        request = pb.DeliverOutputsRequest(task_id=task_id, attempt=attempt, file_ids=file_ids, destination=destination)
        with translate_rpc_errors():
            reply = await self._intake.DeliverOutputs(request, metadata=self._caller.on_behalf_of(account_id), timeout=_DELIVERY_SECONDS)
        return [
            stored_pb2.StoredDelivery(
                file_id=each.file_id, storage=each.storage, path=each.path, bucket=each.bucket, key=each.key
            ).SerializeToString()
            for each in reply.outputs
        ]
