"""Claid's image editing API: its services, and the calls that this server does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from compat.claid.v1 import generation_pb2 as pb
from compat.claid.v1 import generation_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context
from services.platform.rpc.server import Mount
from services.tasks.domain.webhooks.formats import WebhookFormat
from services.tasks.surfaces.claid.batches import ClaidBatches
from services.tasks.surfaces.claid.edits import ClaidEdits
from services.tasks.surfaces.claid.kept import SURFACE
from services.tasks.surfaces.claid.messages import ClaidWebhooks
from services.tasks.surfaces.claid.pictures import Pictures
from services.tasks.surfaces.claid.storages import ClaidStorages
from services.tasks.surfaces.parts import SurfaceParts


def mounts(parts: SurfaceParts) -> Sequence[Mount]:
    """Its services."""
    pictures = Pictures(parts.files)
    return [
        Mount(ClaidEdits(parts.acceptance, parts.tasks, parts.watching, pictures)),
        Mount(ClaidBatches(parts.acceptance, parts.batches, pictures, parts.files)),
        Mount(ClaidStorages(parts.files)),
        Mount(ClaidGeneration()),
    ]


def webhook_formats(parts: SurfaceParts) -> Mapping[str, WebhookFormat]:
    """The form of its events."""
    return {SURFACE: ClaidWebhooks(parts.batches, Pictures(parts.files))}


class ClaidGeneration(generation_pb2_grpc.GenerationServiceServicer):
    """Refuses each call by its name."""

    async def CreateScene(self, request: pb.GenerationRequest, context: Context) -> pb.GenerationReply:
        """Refuse."""
        _refuse("scene/create", "it generates scenes")

    async def CreateFashionModel(self, request: pb.GenerationRequest, context: Context) -> pb.GenerationReply:
        """Refuse."""
        _refuse("image/ai-fashion-models", "it generates people")

    async def EditByWords(self, request: pb.GenerationRequest, context: Context) -> pb.GenerationReply:
        """Refuse."""
        _refuse("image/ai-edit", "it generates picture content")

    async def GenerateImage(self, request: pb.GenerationRequest, context: Context) -> pb.GenerationReply:
        """Refuse."""
        _refuse("image/generate", "it generates pictures, which POST /v1/images/gpt-image-2 and nano-banana-2 do here")

    async def GenerateVideo(self, request: pb.GenerationRequest, context: Context) -> pb.GenerationReply:
        """Refuse."""
        _refuse("video/generate", "it generates videos")


def _refuse(call: str, because: str) -> NoReturn:
    raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, f"{call} is not supported by this server: {because}.")
