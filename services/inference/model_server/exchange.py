"""One request to the model server and its answer, over the faster of two paths."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from tritonclient.grpc import InferInput, InferRequestedOutput, InferResult
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from services.inference.model_server.shared_memory import Region, SharedMemory

Tensors = Mapping[str, npt.NDArray[Any]]
"""By name; text as arrays of bytes objects."""
Samples = npt.NDArray[np.uint8]
Headers = Mapping[str, str] | None

_ALIGNMENT = 64
# Messages of a server that was restarted, and of one whose answer does not fit into the space that it was given.
_UNKNOWN_REGION = re.compile(r"Unable to find (system )?shared memory region", re.IGNORECASE)
_TOO_SMALL = re.compile(r"shared memory size specified", re.IGNORECASE)
_UNANSWERED = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a model."""

    model: str
    tensors: Tensors
    seconds: float
    """Time limit."""

    @property
    def size(self) -> int:
        """Bytes of the tensors."""
        return sum(array.nbytes for array in self.tensors.values())


@dataclass(frozen=True, slots=True)
class _Answer:
    """Properties of a model's answers."""

    name: str
    share: Fraction
    """Bytes per input byte: the same for every request to a model that turns pictures into pictures."""


class Exchange:
    """Sends tensors to models whose one output is uint8, through `memory` if available, else through the socket.

    The first request to a model goes through the socket, and shows how large its answers are.
    """

    def __init__(self, client: InferenceServerClient, memory: SharedMemory | None) -> None:
        self._client, self._memory = client, memory
        self._answers: dict[str, _Answer | None] = {}
        """None: the share is not constant."""

    async def infer(self, request: Request, headers: Headers = None) -> Samples:
        """The output of the model. Raises InferenceServerException."""
        answer = self._answers.get(request.model)
        if self._memory is not None and answer is not None and all(array.dtype == np.uint8 for array in request.tensors.values()):
            places = _Places(request, answer)
            region = await self._memory.borrow(places.size)
            if region is not None:
                output = await self._through_memory(self._memory, region, places, request, headers)
                if output is not None:
                    return output
        return await self._through_socket(request, headers)

    async def _through_socket(self, request: Request, headers: Headers) -> Samples:
        tensors = [_described(name, array).set_data_from_numpy(array) for name, array in request.tensors.items()]
        result = await self._client.infer(request.model, tensors, client_timeout=request.seconds, headers=headers)
        name = result.get_response().outputs[0].name
        output: Samples = result.as_numpy(name)
        self._answers.setdefault(request.model, _Answer(name, Fraction(output.nbytes, request.size)))
        return output

    async def _through_memory(
        self, memory: SharedMemory, region: Region, places: _Places, request: Request, headers: Headers
    ) -> Samples | None:
        """None if the server could not use shared memory for it."""
        try:
            # Copied here: a hop to a thread would take longer than the copy, and the socket path copies here, too.
            places.fill(region)
            result = await self._client.infer(
                request.model, places.inputs(region), outputs=[places.output(region)], client_timeout=request.seconds, headers=headers
            )
            output = places.read(region, result)
        except InferenceServerException as error:
            if any(word in str(error.status()) for word in _UNANSWERED):
                memory.abandon(region)
                raise
            unknown = _UNKNOWN_REGION.search(error.message()) is not None
            memory.release(region, registered=not unknown)
            if unknown:
                return None
            if _TOO_SMALL.search(error.message()):
                self._answers[request.model] = None
                return None
            raise
        except BaseException:
            memory.abandon(region)
            raise
        memory.release(region)
        return output


class _Places:
    """Where the tensors of a request lie in a region: inputs one after the other, and then the output."""

    def __init__(self, request: Request, answer: _Answer) -> None:
        self._tensors, self._name = request.tensors, answer.name
        self._starts: dict[str, int] = {}
        end = 0
        for name, array in request.tensors.items():
            self._starts[name] = end
            end += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
        self._output_start = end
        self._output_size = math.ceil(request.size * answer.share)

    @property
    def size(self) -> int:
        """Bytes that the region must have."""
        return self._output_start + self._output_size

    def fill(self, region: Region) -> None:
        """Copy the inputs there."""
        for name, array in self._tensors.items():
            np.ndarray(array.shape, array.dtype, region.memory, self._starts[name])[...] = array

    def inputs(self, region: Region) -> list[InferInput]:
        """References to the inputs in the region."""
        return [
            _described(name, array).set_shared_memory(region.name, array.nbytes, self._starts[name])
            for name, array in self._tensors.items()
        ]

    def output(self, region: Region) -> InferRequestedOutput:
        """Where the server must put the output."""
        requested = InferRequestedOutput(self._name)
        requested.set_shared_memory(region.name, self._output_size, self._output_start)
        return requested

    def read(self, region: Region, result: InferResult) -> Samples:
        """A copy of the output."""
        shape = tuple(result.get_response().outputs[0].shape)
        return np.ndarray(shape, np.uint8, region.memory, self._output_start).copy()


def _described(name: str, array: npt.NDArray[Any]) -> InferInput:
    return InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
