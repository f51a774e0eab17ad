"""Claid's generative calls, which this server does not have."""

from __future__ import annotations

from typing import NoReturn

from compat.claid.v1 import generation_pb2 as pb
from compat.claid.v1 import generation_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.interceptor import Context


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
