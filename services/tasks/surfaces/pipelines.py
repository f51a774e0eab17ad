"""Saved pipelines on every surface: who sees them, and what a request says of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from darkroom.internal.tasks.v1 import stored_pb2
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import pipeline_pb2
from services.platform.identity import current_identity
from services.tasks.domain.pipelines import EVERYBODYS
from services.tasks.model.pipeline import SavedPipeline, Viewer
from services.tasks.surfaces.rendering import timestamp


class Definition(Protocol):
    """A request that says what a pipeline is."""

    @property
    def name(self) -> str:
        """The field."""

    @property
    def description(self) -> str:
        """The field."""

    @property
    def operations(self) -> Sequence[operation_pb2.Operation]:
        """The field."""

    def HasField(self, field_name: Literal["description"]) -> bool:
        """Whether it is set."""


def current_viewer() -> Viewer:
    """The caller as one who sees pipelines."""
    identity = current_identity()
    return Viewer(identity.account_id, identity.user.id if identity.user is not None else "", identity.permits(EVERYBODYS))


def definition(request: Definition) -> stored_pb2.StoredPipeline:
    """The pipeline that a request describes."""
    described = request.description if request.HasField("description") else None
    return stored_pb2.StoredPipeline(name=request.name, description=described, operations=request.operations)


def pipeline_message(saved: SavedPipeline) -> pipeline_pb2.Pipeline:
    """A saved pipeline as a message."""
    message = pipeline_pb2.Pipeline.FromString(saved.definition)
    message.id, message.owner_id = str(saved.id), saved.owner
    message.create_time.CopyFrom(timestamp(saved.create_time))
    if not message.HasField("update_time"):
        message.update_time.CopyFrom(message.create_time)
    return message
