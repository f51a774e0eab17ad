"""`darkroom.rest.v1.UsageService`: `/v1/usage`, in the envelope of Pilio's API, which lacks it."""

from __future__ import annotations

from typing import Any

import grpc

from darkroom.rest.v1 import billing_pb2, usage_pb2_grpc
from darkroom.rest.v1 import usage_pb2 as pb
from services.accounts.domain.account_usage import AccountUsage, UsageReport
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]
_MILLI = 1000
# A service of another version may count what this one does not know.
_AMOUNTS = [field.name for field in pb.UsageResult.DESCRIPTOR.fields if field.message_type == pb.UsageAmount.DESCRIPTOR]


class RestUsage(usage_pb2_grpc.UsageServiceServicer):
    """The calling account's usage."""

    def __init__(self, report: UsageReport) -> None:
        self._report = report

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.UsageEnvelope:
        """GET /v1/usage."""
        caller = current_identity()
        usage = await self._report.of(caller.account_id, caller.key_id)
        return pb.UsageEnvelope(code=200, message="success", data=_result(usage))


def _result(usage: AccountUsage) -> pb.UsageResult:
    held, amounts = usage.credits, {name: usage.amounts[name] for name in _AMOUNTS if name in usage.amounts}
    return pb.UsageResult(
        **{name: pb.UsageAmount(used=amount.used, limit=amount.limit) for name, amount in amounts.items()},
        request_limits=[
            pb.RequestLimit(policy=one.limit.policy, requests_per_second=one.limit.rate, burst=one.limit.burst, remaining=one.left)
            for one in usage.requests
        ],
        credits=billing_pb2.BalanceResult(
            available=held.available_millicredits / _MILLI,
            reserved=held.reserved_millicredits / _MILLI,
            unlimited=held.unlimited,
            multiplier=held.multiplier_permille / _MILLI,
        )
        if held is not None
        else None,
    )
