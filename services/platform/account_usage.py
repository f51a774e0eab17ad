"""An account's usage of its limits: the part that a service knows, served to accounts, and accounts' view of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import grpc

from darkroom.internal.usage.v1 import usage_part_service_pb2 as pb
from darkroom.internal.usage.v1 import usage_part_service_pb2_grpc
from services.platform.errors import translate_rpc_errors
from services.platform.identity import current_identity
from services.platform.rpc.channel import Caller

Context = grpc.aio.ServicerContext[Any, Any]
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of something an account has, and may have."""

    used: int
    limit: int | None
    """None: any amount."""


@dataclass(frozen=True, slots=True)
class Credits:
    """An account's credits, as in `darkroom.tasks.v1.Balance`."""

    available_millicredits: int
    reserved_millicredits: int
    unlimited: bool
    multiplier_permille: int


@dataclass(frozen=True, slots=True)
class UsagePart:
    """The part that a service knows."""

    amounts: Mapping[str, Amount]
    """By the name of what is limited: a field of `darkroom.accounts.v1.Usage`."""
    credits: Credits | None = None
    """From the service that holds them."""


ReadPart = Callable[[int], Awaitable[UsagePart]]
"""Reads the part of an account. Raises UNAVAILABLE."""


class UsagePartServicer(usage_part_service_pb2_grpc.UsagePartServiceServicer):
    """Reads the service's part."""

    def __init__(self, read: ReadPart) -> None:
        self._read = read

    async def GetPart(self, request: pb.GetPartRequest, context: Context) -> pb.GetPartResponse:  # noqa: N802 - an rpc; see the proto
        part = await self._read(current_identity().account_id)
        return pb.GetPartResponse(
            amounts={name: pb.PartAmount(used=amount.used, limit=amount.limit) for name, amount in part.amounts.items()},
            credits=pb.PartCredits(**asdict(part.credits)) if part.credits is not None else None,
        )


class RemoteUsage:
    """The part of another service."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub, self._caller = usage_part_service_pb2_grpc.UsagePartServiceStub(channel), caller

    async def read(self, account_id: int) -> UsagePart:
        """The part of an account. Raises UNAVAILABLE."""
        with translate_rpc_errors():
            reply = await self._stub.GetPart(pb.GetPartRequest(), metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)
        amounts = {name: Amount(one.used, one.limit if one.HasField("limit") else None) for name, one in reply.amounts.items()}
        held = reply.credits
        terms = (held.available_millicredits, held.reserved_millicredits, held.unlimited, held.multiplier_permille)
        return UsagePart(amounts, Credits(*terms) if reply.HasField("credits") else None)
