"""Which models the model server has, and having it load and unload some while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from services.platform.backoff import Backoff
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger

_ASK_SECONDS = 5.0
_LOAD_SECONDS = 600.0
"""TensorRT builds engines."""
_UNLOAD_SECONDS = 30.0
_BACKOFF = Backoff(0.1, 0.5)
_READY, _UNLOADING = "READY", "UNLOADING"
_logger = get_logger()


class ModelControl:
    """The model server's repository. Loading and unloading need a server in the mode `explicit`."""

    def __init__(self, client: InferenceServerClient) -> None:
        self._client = client

    async def ready(self) -> Collection[str]:
        """The models that can be used. Raises UNAVAILABLE while the server is away."""
        return {name for name, ready in (await self.models()).items() if ready}

    async def models(self) -> Mapping[str, bool]:
        """All of its models, and whether each can be used. Raises UNAVAILABLE while the server is away."""
        return {name: _READY in states for name, states in (await self._states()).items()}

    async def load(self, models: Collection[str]) -> None:
        """Load models, and wait until they can be used. Raises OPERATION_UNAVAILABLE if the server refuses one."""
        for name in models:
            try:
                await self._client.load_model(name, client_timeout=_LOAD_SECONDS)
            except InferenceServerException as error:
                _logger.warning("model_not_loaded", model=name, error=error.message())
                raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, f"The model server could not load {name}.") from error

    async def unload(self, models: Collection[str]) -> None:
        """Unload models, each once the requests have ended that it has been given; others are refused from now on. Returns when that is
        done, or after half a minute, since the server goes on by itself. Raises UNAVAILABLE while the server is away."""
        for name in models:
            try:
                await self._client.unload_model(name, client_timeout=_ASK_SECONDS)
            except InferenceServerException as error:
                _logger.warning("model_not_unloaded", model=name, error=error.message())
                raise DarkroomError(ErrorReason.UNAVAILABLE, f"The model server did not unload {name}. Try again later.") from error
        try:
            async with asyncio.timeout(_UNLOAD_SECONDS):
                polls = 0
                while await self._in_use(models):
                    polls += 1
                    await asyncio.sleep(_BACKOFF.pause(polls))
        except TimeoutError:
            _logger.warning("models_still_unloading", models=sorted(models))

    async def _in_use(self, models: Collection[str]) -> bool:
        states = await self._states()
        return any({_READY, _UNLOADING} & states.get(name, set()) for name in models)

    async def _states(self) -> Mapping[str, set[str]]:
        """Those of the versions of each model."""
        try:
            index = await self._client.get_model_repository_index(client_timeout=_ASK_SECONDS)
        except InferenceServerException as error:
            message = "The model server cannot be reached. Try again later."
            raise DarkroomError(ErrorReason.UNAVAILABLE, message) from error
        states: dict[str, set[str]] = {}
        for model in index.models:
            states.setdefault(model.name, set()).add(model.state)
        return states
