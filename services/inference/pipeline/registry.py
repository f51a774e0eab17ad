"""Which code runs which operation: the module of the same name in `services.inference.operations`."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.inference.contract.memory import PeakMemory
from services.inference.media import Header
from services.pictures.operations import Arity, OperationSpec, parameters_of, spec_of, specs
from services.platform.errors import DarkroomError, ErrorReason

Run = Callable[[Any, Any, Any], Any]
"""An operation's `run`; `services.inference.operations` says what it takes and returns."""


@runtime_checkable
class OperationModule(Protocol):
    """A module of `services.inference.operations`."""

    run: Run


@runtime_checkable
class PictureOperationModule(OperationModule, Protocol):
    """A module whose operation works on pictures."""

    peak_memory: PeakMemory


@dataclass(frozen=True, slots=True)
class BoundOperation:
    """An operation of a task, ready to run."""

    message: operation_pb2.Operation
    run: Run
    declared_memory: PeakMemory

    @property
    def spec(self) -> OperationSpec:
        """The operation."""
        return spec_of(self.message)

    @property
    def parameters(self) -> Message:
        """Its parameters."""
        return parameters_of(self.message)

    @property
    def plain(self) -> bool:
        """Whether it is a plain picture operation."""
        return not inspect.iscoroutinefunction(self.run)

    def peak_memory(self, picture: Header | Sequence[Header] | None) -> int:
        """Bytes that it needs at its peak to work on a picture, on several together, or on none."""
        return self.declared_memory(picture, self.parameters)


class Registry:
    """The operations of this worker's version. Each is imported when it is first needed: all of them, with their libraries, are a third of
    a worker's memory. Creating it raises ImportError if one is missing."""

    def __init__(self) -> None:
        self._modules: dict[str, OperationModule] = {}
        if missing := [name for name in specs() if find_spec(_path(name)) is None]:
            raise ImportError(f"there are no modules for the operations {', '.join(missing)}")

    async def load(self, operations: Sequence[operation_pb2.Operation]) -> None:
        """Import the operations of a task that no task before it had, in a thread, since it may take a second."""
        if new := [spec for spec in _known(operations) if spec.name not in self._modules]:
            await asyncio.to_thread(lambda: [self._module(spec) for spec in new])

    def bind(self, operations: Sequence[operation_pb2.Operation]) -> list[BoundOperation]:
        """The operations of a task, in order. Raises UNAVAILABLE for one that only a newer version knows: another worker may have it."""
        bound = []
        for operation in operations:
            if operation.WhichOneof("operation") is None:
                raise DarkroomError(ErrorReason.UNAVAILABLE, "The worker does not know this operation yet.")
            module = self._module(spec_of(operation))
            memory = module.peak_memory if isinstance(module, PictureOperationModule) else _no_memory
            bound.append(BoundOperation(operation, module.run, memory))
        return bound

    def _module(self, spec: OperationSpec) -> OperationModule:
        """The module of an operation. Raises TypeError if it lacks something."""
        found = self._modules.get(spec.name)
        if found is None:
            found = self._modules[spec.name] = operation_module(spec)
        return found


def _known(operations: Sequence[operation_pb2.Operation]) -> Iterator[OperationSpec]:
    return (spec_of(operation) for operation in operations if operation.WhichOneof("operation") is not None)


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
