"""darkroom.accounts.v1.UsageService: what an account has used of its limits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import grpc

from darkroom.accounts.v1 import usage_pb2, usage_service_pb2, usage_service_pb2_grpc
from darkroom.tasks.v1 import balance_pb2
from services.accounts.domain.account_usage import AccountUsage, UsageReport
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]
# A service of another version may count what this one does not know.
_AMOUNTS = [field.name for field in usage_pb2.Usage.DESCRIPTOR.fields if field.message_type == usage_pb2.UsageAmount.DESCRIPTOR]


class NativeUsage(usage_service_pb2_grpc.UsageServiceServicer):
    """The calling account's usage."""

    def __init__(self, report: UsageReport) -> None:
        self._report = report

    async def GetUsage(self, request: usage_service_pb2.GetUsageRequest, context: Context) -> usage_service_pb2.GetUsageResponse:
        caller = current_identity()
        return usage_service_pb2.GetUsageResponse(usage=usage_message(await self._report.of(caller.account_id, caller.key_id)))


def usage_message(usage: AccountUsage) -> usage_pb2.Usage:
    """The usage as its account sees it."""
    amounts = {name: usage.amounts[name] for name in _AMOUNTS if name in usage.amounts}
    return usage_pb2.Usage(
        **{name: usage_pb2.UsageAmount(used=amount.used, limit=amount.limit) for name, amount in amounts.items()},
        request_limits=[
            usage_pb2.RequestLimit(
                policy=one.limit.policy, requests_per_second=one.limit.rate, burst=one.limit.burst, remaining=one.remaining
            )
            for one in usage.requests
        ],
        credits=balance_pb2.Balance(**asdict(usage.credits)) if usage.credits is not None else None,
    )
