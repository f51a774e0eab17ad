"""Bundles of models: what workers are asked about them over NATS, and what they answer.

All workers with lanes for models answer on `MODELS.state` what the model server has loaded. Those that share the disk with the model
repository also answer on `MODELS.manage`, install and remove. Requests and answers are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import nats.errors
from nats.aio.client import Client
from pydantic import BaseModel, ConfigDict, ValidationError

from services.platform.errors import DarkroomError, ErrorReason

STATE_SUBJECT, MANAGE_SUBJECT = "MODELS.state", "MODELS.manage"
WORKERS = "workers"
"""The queue group: one of them answers."""
Verb = Literal["list", "install", "remove", "usage"]
_SECONDS = 10.0
_REMOVAL_SECONDS = 60.0
_AWAY = "The workers that run models cannot be reached. Try again later."
_UNMANAGED = (
    "Bundles cannot be installed or removed here. To allow it, the operator sets DARKROOM_MODEL_REPOSITORY for the inference "
    "service, on the machine whose model server serves that folder."
)


class BundleState(BaseModel):
    """The current state of a bundle."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    description: str
    estimated_size: str
    version: str
    tools: Sequence[str]
    operations: Sequence[str] = ()
    """Those that cannot do without it."""
    unavailable_tools: Sequence[str] = ()
    """Those that lack models."""
    status: Literal["not_installed", "installing", "installed", "error"]
    percent: int = 0
    stage: str = ""
    """The current step, while it is being installed."""
    error: str = ""
    """Why the last installation failed."""
    job: int = 0
    """The last installation; 0: none."""


class Request(BaseModel):
    """A request to a worker."""

    verb: Verb
    bundle: str = ""


def answer(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode()


def refusal_reply(error: DarkroomError) -> bytes:
    """The answer where something is refused."""
    return answer({"refused": error.reason.value, "message": error.message})


class RemoteBundles:
    """Asks the workers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def all(self) -> Sequence[BundleState]:
        """Every bundle. Raises UNAVAILABLE."""
        try:
            said = await self._ask(MANAGE_SUBJECT, Request(verb="list"))
        except nats.errors.NoRespondersError:
            said = await self._ask_any()
        return _states(said)

    async def changeable(self, bundle: str) -> BundleState:
        """A bundle, where it can be installed or removed. Raises BUNDLE_NOT_FOUND, UNAVAILABLE, and OPERATION_UNAVAILABLE if nobody can do
        that here."""
        for one in _states(await self._managed(Request(verb="list"))):
            if one.id == bundle:
                return one
        raise DarkroomError(ErrorReason.BUNDLE_NOT_FOUND, f"Unknown bundle: {bundle}")

    async def install(self, bundle: str) -> int:
        """Begin to install; returns the installation's number. Raises BUNDLE_NOT_FOUND, BUNDLE_CONFLICT, UNAVAILABLE, and
        OPERATION_UNAVAILABLE if nobody can do that here."""
        return int((await self._managed(Request(verb="install", bundle=bundle)))["job"])

    async def remove(self, bundle: str) -> None:
        """Remove. Raises as `install`."""
        await self._managed(Request(verb="remove", bundle=bundle))

    async def bytes_used(self) -> int:
        """Size of the model repository. Raises OPERATION_UNAVAILABLE and UNAVAILABLE."""
        return int((await self._managed(Request(verb="usage")))["bytes"])

    async def _managed(self, request: Request) -> Mapping[str, Any]:
        try:
            return await self._ask(MANAGE_SUBJECT, request)
        except nats.errors.NoRespondersError:
            await self._ask_any()
            raise DarkroomError(ErrorReason.OPERATION_UNAVAILABLE, _UNMANAGED) from None

    async def _ask_any(self) -> Mapping[str, Any]:
        try:
            return await self._ask(STATE_SUBJECT, Request(verb="list"))
        except nats.errors.NoRespondersError as error:
            raise DarkroomError(ErrorReason.UNAVAILABLE, _AWAY) from error

    async def _ask(self, subject: str, request: Request) -> Mapping[str, Any]:
        seconds = _REMOVAL_SECONDS if request.verb == "remove" else _SECONDS
        try:
            reply = await self._client.request(subject, request.model_dump_json().encode(), timeout=seconds)
        except nats.errors.NoRespondersError:
            raise
        except (nats.errors.Error, TimeoutError) as error:
            raise DarkroomError(ErrorReason.UNAVAILABLE, _AWAY) from error
        said: Mapping[str, Any] = json.loads(reply.data)
        if "refused" in said:
            raise DarkroomError(ErrorReason(said["refused"]), said["message"])
        return said


def _states(said: Mapping[str, Any]) -> Sequence[BundleState]:
    try:
        return [BundleState.model_validate(one) for one in said["bundles"]]
    except (KeyError, ValidationError) as error:
        raise DarkroomError(ErrorReason.UNAVAILABLE, _AWAY) from error
