"""The model server: pictures in, pictures out, over Triton's gRPC inference protocol (KServe v2)."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import grpc
import numpy as np
from opentelemetry.trace import SpanKind
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.inference.credentials.used_models import note_model
from services.inference.metrics import model_request
from services.inference.model_server.control import ModelControl
from services.inference.model_server.exchange import Exchange, Request, Tensors
from services.inference.model_server.out_of_memory import OutOfMemory, tells_of_memory
from services.inference.model_server.shapes import Device, Picture, ServedModel, Size, cut, pad
from services.inference.model_server.shared_memory import SharedMemory
from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.telemetry import tracing
from services.platform.telemetry.health import NotThereError
from services.platform.tls import MutualTls

PictureModel = Callable[[Picture], Awaitable[Picture]]

INPUT = "image"
_SENDS = 3
_PROBE_SECONDS = 5.0
_PROBE_SIDE = 16
_TOLD_BY = ("birefnet", "isnet")
"""Models that show whether the server has a GPU: an installation has one of them."""
_BACKOFF = Backoff(0.2, 2.0)
# Answers of a server that is away, starting or stopping; NOT_FOUND also occurs while it loads its models.
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.CANCELLED)
# The process in which the Python backend runs a model was killed. `models.watch` restarts the server.
_LOST_PROCESS = re.compile(r"stub process .* not healthy", re.IGNORECASE)
_LOST_PROCESS_SECONDS = 1.0
_OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # gRPC's own delay between connection attempts grows to two minutes: much longer than a restart.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Detect a host that vanished without closing its connections.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]

_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for the model server."""

    absence_seconds: float
    """Time for it to become ready before a request is given up."""
    base_seconds: float
    seconds_per_megapixel: float
    """An inference may take the base time plus this for each million input pixels."""

    def seconds(self, picture: Picture) -> float:
        """Time limit of one inference on uint8 [N, H, W, 3]."""
        pixels = math.prod(picture.shape[:-1])
        return self.base_seconds + self.seconds_per_megapixel * pixels / 1e6


class Triton:
    """Runs models with one output, a picture: `infer` for those whose one input is `image`, uint8 [N, H, W, 3], `draw` for all others."""

    def __init__(
        self,
        client: InferenceServerClient,
        patience: Patience,
        memory: SharedMemory | None = None,
        bundles: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`bundles` names what to install for a model that is missing."""
        self._client = client
        self.control = ModelControl(client)
        self._bundles = bundles
        self._exchange = Exchange(client, memory)
        self._patience = patience
        self._scales: dict[str, int] = {}
        self._served: dict[str, ServedModel] = {}

    def model(self, name: str) -> PictureModel:
        """`infer` for one model."""
        return partial(self.infer, name)

    async def scale(self, model: str, channels: int = 3) -> int:
        """How many times wider the output of `model` is than its input, of so many channels; measured once, with a small picture."""
        if model not in self._scales:
            output = await self.infer(model, np.zeros((1, _PROBE_SIDE, _PROBE_SIDE, channels), np.uint8))
            self._scales[model] = output.shape[2] // _PROBE_SIDE
        return self._scales[model]

    async def device(self, model: str) -> Device | None:
        """The device that the server runs a model on; None if the server is away or does not have the model."""
        served = await self._described(model)
        return None if served is None else served.device

    async def sizes(self, model: str) -> Sequence[Size]:
        """The heights and widths of pictures that a model is prepared for; empty if it takes any, or as for `device`."""
        served = await self._described(model)
        return () if served is None else served.sizes

    async def _described(self, model: str) -> ServedModel | None:
        """The model's configuration, asked for once; None as for `device`."""
        if model not in self._served:
            try:
                config = (await self._client.get_model_config(model, client_timeout=_PROBE_SECONDS)).config
            except InferenceServerException:
                return None
            self._served[model] = ServedModel.of(config)
        return self._served[model]

    async def on_gpu(self) -> bool:
        """Whether it runs models on a GPU; False also while it is away."""
        return any([await self.device(model) is Device.GPU for model in _TOLD_BY])

    async def reach(self) -> None:
        """Check that the server has loaded its models. Raises NotThereError if not."""
        try:
            # While it loads or unloads one model, it is not ready as a whole, and serves the others.
            if await self._client.is_server_ready(client_timeout=_PROBE_SECONDS) or await self.control.ready():
                return
        except InferenceServerException as error:
            raise NotThereError(_code(error).name) from error
        except DarkroomError as error:
            raise NotThereError(error.message) from error
        raise NotThereError("models are loading")

    async def infer(self, model: str, picture: Picture) -> Picture:
        """The output of `model` for uint8 [N, H, W, 3]. The array may be read-only.

        Pictures are padded to a size that the model is prepared for, and sent in as many requests as it takes batches.
        A request that a restarting server lost is sent again, since it has no side effects. Cancelling withdraws it. Raises OutOfMemory
        if the model has too little memory for the picture, UNAVAILABLE if the server stays away or takes too long, OPERATION_UNAVAILABLE
        if it does not have the model.
        """
        served = await self._described(model)
        if served is None:
            return await self._infer(model, picture)
        given = picture.shape[1], picture.shape[2]
        size = served.size_for(*given)
        parts = [pad(picture[start : start + served.batch], size) for start in range(0, len(picture), served.batch)]
        results = [cut(await self._infer(model, part), size, given) for part in parts]
        return results[0] if len(results) == 1 else np.concatenate(results)

    async def _infer(self, model: str, picture: Picture) -> Picture:
        return await self._persistently(model, {INPUT: np.ascontiguousarray(picture)}, self._patience.seconds(picture))

    async def draw(self, model: str, inputs: Tensors, seconds: float) -> Picture:
        """The output of `model`, uint8, for these inputs, within `seconds`. Otherwise as `infer`."""
        return await self._persistently(model, inputs, seconds)

    async def serves(self, model: str) -> bool:
        """Whether the server is up and has loaded the model."""
        try:
            return bool(await self._client.is_model_ready(model, client_timeout=_PROBE_SECONDS))
        except InferenceServerException:
            return False

    async def has(self, model: str) -> bool:
        """Whether the server has the model. Waits for a server that is away or starting. Raises UNAVAILABLE if it stays away."""
        try:
            await self._until_ready(model)
        except DarkroomError as error:
            if error.reason is ErrorReason.OPERATION_UNAVAILABLE:
                return False
            raise
        return True

    async def _persistently(self, model: str, inputs: Tensors, seconds: float) -> Picture:
        note_model(model)
        for _ in range(_SENDS):
            try:
                return await self._request(model, inputs, seconds)
            except InferenceServerException as error:
                code = _code(error)
                if code is grpc.StatusCode.RESOURCE_EXHAUSTED or tells_of_memory(error.message()):
                    raise OutOfMemory from error
                _logger.warning("triton_failed", model=model, code=code.name, error=error.message())
                if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise DarkroomError(ErrorReason.UNAVAILABLE, "The model took too long. Try again later.") from error
                lost_process = _LOST_PROCESS.search(error.message()) is not None
                if code not in _PASSING and not lost_process:
                    raise DarkroomError(ErrorReason.INTERNAL, "The model refused the picture.") from error
                if lost_process:
                    await asyncio.sleep(_LOST_PROCESS_SECONDS)
                # It may be started with models for another device.
                self._served.pop(model, None)
                await self._until_ready(model)
        raise DarkroomError(ErrorReason.UNAVAILABLE, "The model server keeps failing. Try again later.")

    async def _request(self, model: str, inputs: Tensors, seconds: float) -> Picture:
        batch = max(len(array) for array in inputs.values())
        request = Request(model, inputs, seconds)
        attributes: tracing.Attributes = {"darkroom.model": model, "darkroom.batch": batch, "darkroom.input_bytes": request.size}
        with model_request(model, batch), tracing.within(f"infer {model}", SpanKind.CLIENT, attributes) as span:
            # Triton joins traces that it is given, and starts none itself.
            headers = tracing.headers() if span.is_recording() else None
            return await self._exchange.infer(request, headers)

    async def _until_ready(self, model: str) -> None:
        polls = 0
        try:
            async with asyncio.timeout(self._patience.absence_seconds):
                while not await self._ready(model):
                    polls += 1
                    await asyncio.sleep(_BACKOFF.pause(polls))
        except TimeoutError:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The model server cannot be reached. Try again later.") from None

    async def _ready(self, model: str) -> bool:
        """Whether a request may be sent. Raises OPERATION_UNAVAILABLE when the server has loaded its models and this is not one of them."""
        try:
            if await self._client.is_model_ready(model, client_timeout=_PROBE_SECONDS):
                return True
            loaded = await self._client.is_server_ready(client_timeout=_PROBE_SECONDS)
        except InferenceServerException:
            return False
        if loaded:
            self._served.pop(model, None)
            self._scales.pop(model, None)
            bundle = self._bundles.get(model)
            remedy = f"the bundle {bundle} has to be installed." if bundle else "the operator can install it."
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, f"This installation's model server has no model {model}; {remedy}")
        return False


@asynccontextmanager
async def connect(
    address: str,
    patience: Patience,
    shared_bytes: int = 0,
    tls: MutualTls | None = None,
    bundles: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Triton]:
    """A model server at `host:port` or `unix:/path`; it need not be up yet. A lost connection is re-established.

    Up to `shared_bytes` of memory are shared with it if it can see this host's memory; 0: none. With `tls` its certificate must name
    `triton`, whatever the address. `bundles` is as for `Triton`.
    """
    if tls is None:
        client = InferenceServerClient(address, channel_args=_OPTIONS)
    else:
        options = [*_OPTIONS, ("grpc.ssl_target_name_override", "triton")]
        client = InferenceServerClient(address, creds=tls.channel(), channel_args=options)
    memory = SharedMemory(client, shared_bytes) if shared_bytes else None
    try:
        yield Triton(client, patience, memory, bundles)
    finally:
        if memory is not None:
            await memory.close()
        await client.close()


def _code(error: InferenceServerException) -> grpc.StatusCode:
    """tritonclient keeps the status as text: `StatusCode.UNAVAILABLE`."""
    return grpc.StatusCode.__members__.get(str(error.status()).removeprefix("StatusCode."), grpc.StatusCode.UNKNOWN)
