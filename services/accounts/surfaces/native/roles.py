"""darkroom.accounts.v1.RolesService: what people may do."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.accounts.v1 import roles_service_pb2 as pb
from darkroom.accounts.v1 import roles_service_pb2_grpc
from services.accounts.domain.roles import Roles
from services.accounts.roles import Role
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class NativeRoles(roles_service_pb2_grpc.RolesServiceServicer):
    """For those who manage people."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    async def ListRoles(self, request: pb.ListRolesRequest, context: Context) -> pb.ListRolesResponse:  # noqa: D102 - an rpc; its documentation is in the proto
        return pb.ListRolesResponse(roles=map(_message, await self._roles.all(current_identity())))

    async def CreateRole(self, request: pb.CreateRoleRequest, context: Context) -> pb.CreateRoleResponse:  # noqa: D102 - an rpc
        role = await self._roles.create(current_identity(), request.name, request.description, request.permissions)
        return pb.CreateRoleResponse(role=_message(role))

    async def UpdateRole(self, request: pb.UpdateRoleRequest, context: Context) -> pb.UpdateRoleResponse:  # noqa: D102 - an rpc
        name = request.name if request.HasField("name") else None
        description = request.description if request.HasField("description") else None
        permissions = request.permissions.permissions if request.HasField("permissions") else None
        role = await self._roles.update(current_identity(), request.role_id, name, description, permissions)
        return pb.UpdateRoleResponse(role=_message(role))

    async def DeleteRole(self, request: pb.DeleteRoleRequest, context: Context) -> pb.DeleteRoleResponse:  # noqa: D102 - an rpc
        await self._roles.delete(current_identity(), request.role_id)
        return pb.DeleteRoleResponse()


def _message(role: Role) -> pb.Role:
    message = pb.Role(
        id=role.id,
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        built_in=role.built_in,
        user_count=role.user_count,
    )
    message.create_time.FromDatetime(role.created_at)
    message.update_time.FromDatetime(role.updated_at)
    return message
