"""Roles: what people may do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import grpc

from darkroom.accounts.v1 import roles_service_pb2, roles_service_pb2_grpc
from darkroom.calls import Call


class Roles:
    """`roles` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    Every account has `admin`, `editor` and `user`, which cannot be changed, and may have roles of its own.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = roles_service_pb2_grpc.RolesServiceStub(channel), call

    async def list(self) -> Sequence[roles_service_pb2.Role]:
        """All roles: those that every account has, and then the account's own by their age."""
        reply: roles_service_pb2.ListRolesResponse = await self._call(self._stub.ListRoles, roles_service_pb2.ListRolesRequest())
        return reply.roles

    async def create(self, name: str, permissions: Collection[str], description: str = "") -> roles_service_pb2.Role:
        """Add a role that permits exactly `permissions`, such as `files:own`."""
        request = roles_service_pb2.CreateRoleRequest(name=name, description=description, permissions=list(dict.fromkeys(permissions)))
        reply: roles_service_pb2.CreateRoleResponse = await self._call(self._stub.CreateRole, request)
        return reply.role

    async def update(
        self, role_id: str, *, name: str | None = None, description: str | None = None, permissions: Collection[str] | None = None
    ) -> roles_service_pb2.Role:
        """Change a role, in effect at once; what is None stays. Those who have it keep it under another name, too."""
        request = roles_service_pb2.UpdateRoleRequest(role_id=role_id, name=name, description=description)
        if permissions is not None:
            request.permissions.CopyFrom(roles_service_pb2.Permissions(permissions=list(dict.fromkeys(permissions))))
        reply: roles_service_pb2.UpdateRoleResponse = await self._call(self._stub.UpdateRole, request)
        return reply.role

    async def delete(self, role_id: str) -> None:
        """Remove a role. Those who had it have the role `user` from now on."""
        await self._call(self._stub.DeleteRole, roles_service_pb2.DeleteRoleRequest(role_id=role_id))
