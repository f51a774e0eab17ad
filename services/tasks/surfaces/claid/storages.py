"""`storage/…`: read only, since the operator configures storages."""

from __future__ import annotations

from typing import NoReturn

from compat.claid.v1 import storages_pb2 as pb
from compat.claid.v1 import storages_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.json_models import struct_of
from services.platform.rpc.interceptor import Context
from services.tasks.files_client import FilesClient
from services.tasks.surfaces import ids

_TYPES = ("s3", "web_folder")


class ClaidStorages(storages_pb2_grpc.StoragesServiceServicer):
    """Storages of the installation. A storage's id is its place in their order by name."""

    def __init__(self, files: FilesClient) -> None:
        self._files = files

    async def ListStorageTypes(self, request: pb.ListStorageTypesRequest, context: Context) -> pb.ListStorageTypesReply:
        """The kinds."""
        return pb.ListStorageTypesReply(data=_TYPES)

    async def ListStorages(self, request: pb.ListStoragesRequest, context: Context) -> pb.ListStoragesReply:
        """All of them."""
        return pb.ListStoragesReply(data=await self._all())

    async def GetStorage(self, request: pb.GetStorageRequest, context: Context) -> pb.StorageReply:
        """One of them."""
        number = ids.decimal_id(request.id)
        for storage in await self._all():
            if storage.id == number:
                return pb.StorageReply(data=storage)
        raise DarkroomError(ErrorReason.FILE_NOT_FOUND, "There is no such storage.")

    async def CreateStorage(self, request: pb.CreateStorageRequest, context: Context) -> pb.StorageReply:
        """Refuse."""
        _refuse()

    async def UpdateStorage(self, request: pb.UpdateStorageRequest, context: Context) -> pb.StorageReply:
        """Refuse."""
        _refuse()

    async def DeleteStorage(self, request: pb.DeleteStorageRequest, context: Context) -> pb.StorageReply:
        """Refuse."""
        _refuse()

    async def _all(self) -> list[pb.Storage]:
        found = await self._files.storages.all(current_identity().account_id)
        return [
            pb.Storage(id=number, name=each.name, type=each.type, parameters=struct_of(dict(each.parameters)))
            for number, each in enumerate(found, 1)
        ]


def _refuse() -> NoReturn:
    raise DarkroomError(ErrorReason.PERMISSION_DENIED, "Storages of this server are configured by its operator: ask the operator.")
