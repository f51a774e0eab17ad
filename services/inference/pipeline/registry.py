"""Which code runs which operation: the module of the same name in `services.inference.operations`."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from typing import Any, Protocol, runtime_checkable

from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.inference.contract.memory import PeakMemory
from services.inference.media import Header
from services.inference.moving.model import Frame
from services.pictures.operations import Arity, OperationSpec, spec_of, specs
from services.platform.errors import DarkroomError, ErrorReason

Run = Callable[[Any, Any, Any], Any]
"""An operation's `run`; `services.inference.operations` says what it takes and returns."""
OverFrames = Callable[[AsyncIterator[Frame], Any, Any, int], AsyncIterator[Frame] | None]
"""An operation's `over_frames`; `services.inference.operations` says what it takes and returns."""
# Looking takes as long as calling a short operation.
_is_coroutine_function = cache(inspect.iscoroutinefunction)


@runtime_checkable
class OperationModule(Protocol):
    """A module of `services.inference.operations`."""

    run: Run


@runtime_checkable
class PictureOperationModule(OperationModule, Protocol):
    """A module whose operation works on pictures."""

    peak_memory: PeakMemory


class BoundOperation:
    """An operation of a task, ready to run."""

    __slots__ = ("declared_memory", "message", "over_frames", "parameters", "plain", "run", "spec")

    def __init__(
        self, message: operation_pb2.Operation, run: Run, declared_memory: PeakMemory, over_frames: OverFrames | None = None
    ) -> None:
        self.message, self.run, self.declared_memory, self.over_frames = message, run, declared_memory, over_frames
        self.spec: OperationSpec = spec_of(message)
        self.parameters: Message = getattr(message, self.spec.name)
        self.plain = not _is_coroutine_function(run)
        """Whether it is a plain picture operation."""

    def peak_memory(self, picture: Header | Sequence[Header] | None) -> int:
        """Bytes that it needs at its peak to work on a picture, on several together, or on none."""
        return self.declared_memory(picture, self.parameters)


_Loaded = tuple[Run, PeakMemory, OverFrames | None]


class Registry:
    """The operations of this worker's version. Each is imported when it is first needed: all of them, with their libraries, are a third of
    a worker's memory."""

    def __init__(self) -> None:
        self._loaded: dict[str, _Loaded] = {}

    async def load(self, operations: Sequence[operation_pb2.Operation]) -> None:
        """Import the operations of a task that no task before it had, in a thread, since it may take a second."""
        named = (operation.WhichOneof("operation") for operation in operations)
        if new := [name for name in named if name is not None and name not in self._loaded]:
            await asyncio.to_thread(lambda: [self._load(name) for name in new])

    def bind(self, operations: Sequence[operation_pb2.Operation]) -> list[BoundOperation]:
        """The operations of a task, in order. Raises UNAVAILABLE for one that only a newer version knows: another worker may have it."""
        bound = []
        for operation in operations:
            name = operation.WhichOneof("operation")
            if name is None:
                raise DarkroomError(ErrorReason.UNAVAILABLE, "The worker does not know this operation yet.")
            bound.append(BoundOperation(operation, *(self._loaded.get(name) or self._load(name))))
        return bound

    def _load(self, name: str) -> _Loaded:
        module = operation_module(specs()[name])
        memory = module.peak_memory if isinstance(module, PictureOperationModule) else _no_memory
        self._loaded[name] = module.run, memory, getattr(module, "over_frames", None)
        return self._loaded[name]


def _no_memory(_picture: object, _parameters: object) -> int:
    """For an operation that does not work on pictures."""
    return 0


def operation_module(spec: OperationSpec) -> OperationModule:
    """Import the module of an operation. Raises TypeError if it lacks what operations of its kind have."""
    module = importlib.import_module(_path(spec.name))
    in_memory = spec.arity is Arity.EACH or (spec.arity is Arity.ALL and spec.reads_file)
    takes_pictures = in_memory and spec.accepts == options_pb2.MEDIA_KIND_IMAGE
    if not isinstance(module, PictureOperationModule if takes_pictures else OperationModule):
        raise TypeError(f"{module.__name__} lacks `run`{', or `peak_memory`' if takes_pictures else ''}")
    return module


def _path(name: str) -> str:
    return f"services.inference.operations.{name}"
