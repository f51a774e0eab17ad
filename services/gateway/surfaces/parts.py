"""What every surface of the gateway is built from."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.revocations import Revocations
from services.gateway.backend import Backend
from services.gateway.calls import Calls
from services.gateway.receiving import Receiver


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """A surface's `routes(parts)` answers its requests with these."""

    calls: Calls
    backend: Backend
    receiver: Receiver
    revocations: Revocations
