"""Pi's jobs: its services, and the calls that this server does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from compat.pi.v1 import refused_pb2, refused_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context
from services.platform.rpc.server import Mount
from services.tasks.domain.webhooks.formats import WebhookFormat
from services.tasks.surfaces.parts import SurfaceParts
from services.tasks.surfaces.pi.images import PiImages
from services.tasks.surfaces.pi.jobs import PiJobs
from services.tasks.surfaces.pi.messages import SURFACE
from services.tasks.surfaces.pi.replies import Replies
from services.tasks.surfaces.pi.webhooks import PiFormat, PiWebhooks

_PICTURES = "POST /api/v1/images/generations makes pictures from a prompt and reference pictures."


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    replies = Replies(parts.tasks, parts.files)
    return [
        Mount(PiJobs(parts.acceptance, parts.tasks, parts.watching, replies, parts.heartbeat)),
        Mount(PiImages(parts.acceptance, replies)),
        Mount(PiWebhooks(parts.webhooks)),
        Mount(PiRefused()),
    ]


def webhook_formats(parts: SurfaceParts) -> dict[str, WebhookFormat]:
    """The form of its events."""
    return {SURFACE: PiFormat(parts.files)}


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
