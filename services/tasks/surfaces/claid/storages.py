"""`storage/…`: read only, since the operator configures storages."""

from __future__ import annotations

from typing import NoReturn

from compat.claid.v1 import storages_pb2 as pb
from compat.claid.v1 import storages_pb2_grpc
from services.common.errors import DarkroomError, ErrorReason
from services.common.rpc.interceptor import Context


class ClaidStorages(storages_pb2_grpc.StoragesServiceServicer):
    """Storages of the installation."""

    async def ListStorageTypes(self, request: pb.ListStorageTypesRequest, context: Context) -> pb.ListStorageTypesReply:
        """None."""
        return pb.ListStorageTypesReply()

    async def ListStorages(self, request: pb.ListStoragesRequest, context: Context) -> pb.ListStoragesReply:
        """None."""
        return pb.ListStoragesReply()

    async def GetStorage(self, request: pb.GetStorageRequest, context: Context) -> pb.StorageReply:
        """None."""
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


def _refuse() -> NoReturn:
    raise DarkroomError(ErrorReason.PERMISSION_DENIED, "Storages of this server are configured by its operator: ask the operator.")
