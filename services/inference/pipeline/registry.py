"""Which code runs which operation: the module of the same name in `services.inference.operations`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, runtime_checkable

from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.inference.contract.memory import PeakMemory
from services.inference.media import Header
from services.pictures.operations import Arity, OperationSpec, spec_of, specs
from services.platform.errors import DarkroomError, ErrorReason

Run = Callable[[Any, Any, Any], Any]
"""An operation's `run`; `services.inference.operations` says what it takes and returns."""
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

    __slots__ = ("declared_memory", "message", "parameters", "plain", "run", "spec")

    def __init__(self, message: operation_pb2.Operation, run: Run, declared_memory: PeakMemory) -> None:
        self.message, self.run, self.declared_memory = message, run, declared_memory
        self.spec: OperationSpec = spec_of(message)
        self.parameters: Message = getattr(message, self.spec.name)
        self.plain = not _is_coroutine_function(run)
        """Whether it is a plain picture operation."""

    def peak_memory(self, picture: Header | Sequence[Header] | None) -> int:
        """Bytes that it needs at its peak to work on a picture, on several together, or on none."""
        return self.declared_memory(picture, self.parameters)


class Registry:
    """The operations of this worker's version. Creating it imports them all, so that missing or incomplete ones are found at startup."""

    def __init__(self) -> None:
        modules = {name: _module(spec) for name, spec in specs().items()}
        self._runs: Mapping[str, Run] = {name: module.run for name, module in modules.items()}
        self._memory = {name: module.peak_memory for name, module in modules.items() if isinstance(module, PictureOperationModule)}

    def bind(self, operations: Sequence[operation_pb2.Operation]) -> list[BoundOperation]:
        """The operations of a task, in order. Raises UNAVAILABLE for one that only a newer version knows: another worker may have it."""
        bound = []
        for operation in operations:
            if operation.WhichOneof("operation") is None:
                raise DarkroomError(ErrorReason.UNAVAILABLE, "The worker does not know this operation yet.")
            name = spec_of(operation).name
            bound.append(BoundOperation(operation, self._runs[name], self._memory.get(name, _no_memory)))
        return bound


def _no_memory(_picture: object, _parameters: object) -> int:
    """For an operation that does not work on pictures."""
    return 0


def _module(spec: OperationSpec) -> OperationModule:
    module = importlib.import_module(f"services.inference.operations.{spec.name}")
    in_memory = spec.arity is Arity.EACH or (spec.arity is Arity.ALL and spec.reads_file)
    takes_pictures = in_memory and spec.accepts == options_pb2.MEDIA_KIND_IMAGE
    if not isinstance(module, PictureOperationModule if takes_pictures else OperationModule):
        raise TypeError(f"{module.__name__} lacks `run`{', or `peak_memory`' if takes_pictures else ''}")
    return module
