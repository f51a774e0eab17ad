"""The parts of a worker that its tasks use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.inference.contract.provider import Provider
from services.inference.contract.rates import MeasuredRates
from services.inference.model_server.triton import Triton
from services.inference.worker.cancellations import Cancellations
from services.inference.worker.client import AttemptClient
from services.inference.worker.object_transfer import ObjectTransfer
from services.platform.rpc.channel import Caller
from services.platform.sandbox import Limits, Sandbox, WarmChildren

if TYPE_CHECKING:
    from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceAsyncStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """They stay open while it works."""

    client: AttemptClient
    caller: Caller
    storage: StorageServiceAsyncStub
    transfer: ObjectTransfer
    cancellations: Cancellations
    folder: Path
    triton: Triton
    sandbox: Sandbox
    warm: WarmChildren
    picture_resources: Limits
    providers: Mapping[str, Provider]
    rates: MeasuredRates
