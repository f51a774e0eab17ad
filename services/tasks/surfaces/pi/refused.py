"""Pi's calls that this server does not have."""

from __future__ import annotations

from typing import NoReturn

from compat.pi.v1 import refused_pb2, refused_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context

_PICTURES = "POST /api/v1/images/generations makes pictures from a prompt and reference pictures."


class PiRefused(refused_pb2_grpc.RefusedServiceServicer):
    """Raises OPERATION_UNAVAILABLE, saying what to call instead."""

    async def RefuseCampaigns(self, request: refused_pb2.RefusedRequest, context: Context) -> refused_pb2.RefusedReply:
        _refuse(f"Campaigns are not offered by this server. {_PICTURES}")

    async def RefuseBrands(self, request: refused_pb2.RefusedRequest, context: Context) -> refused_pb2.RefusedReply:
        _refuse("Brands are not offered by this server: describe the brand in the prompt of POST /api/v1/images/generations.")

    async def RefuseAvatars(self, request: refused_pb2.RefusedRequest, context: Context) -> refused_pb2.RefusedReply:
        _refuse(f"Avatars are not offered by this server. {_PICTURES}")

    async def RefuseRuns(self, request: refused_pb2.RefusedRequest, context: Context) -> refused_pb2.RefusedReply:
        _refuse("Runs are not offered by this server: POST /api/v1/jobs runs up to 8 operations in a row, and a job is its own run.")


def _refuse(message: str) -> NoReturn:
    raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, message)
