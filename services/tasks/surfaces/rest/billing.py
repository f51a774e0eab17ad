"""`/v1/balance`, `/v1/ledger` and `/v1/estimate`."""

from __future__ import annotations

from darkroom.rest.v1 import billing_pb2 as pb
from darkroom.rest.v1 import billing_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import EstimateRequest
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.model import LedgerEntry
from services.tasks.surfaces import ids
from services.tasks.surfaces.rendering import timestamp

_SUCCESS = "success"


class RestBilling(billing_pb2_grpc.BillingServiceServicer):
    """Credits of the calling account."""

    def __init__(self, ledger: Ledger, acceptance: Acceptance) -> None:
        self._ledger, self._acceptance = ledger, acceptance

    async def GetBalance(self, request: pb.GetBalanceRequest, context: Context) -> pb.BalanceEnvelope:
        """The account's balance."""
        balance = await self._ledger.balance(current_identity().account_id)
        data = pb.BalanceResult(
            available=balance.available_millicredits / MILLI,
            reserved=balance.reserved_millicredits / MILLI,
            unlimited=balance.terms.unlimited,
            multiplier=balance.terms.multiplier_permille / MILLI,
        )
        return pb.BalanceEnvelope(code=200, message=_SUCCESS, data=data)

    async def ListLedger(self, request: pb.ListLedgerRequest, context: Context) -> pb.LedgerEnvelope:
        """List entries, newest first."""
        page = await self._ledger.page(current_identity().account_id, size=request.page_size, token=request.page_token)
        data = pb.LedgerPage(items=map(_entry, page.entries), next_page_token=page.next_page_token or None)
        return pb.LedgerEnvelope(code=200, message=_SUCCESS, data=data)

    async def EstimatePrice(self, request: pb.EstimatePriceRequest, context: Context) -> pb.EstimateEnvelope:
        """Say what a task would cost."""
        planned = request.HasField("file_count")
        if planned and request.file_ids:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "file_count: replaces file_ids; send only one of them.", field="file_count")
        estimate = await self._acceptance.estimate(
            EstimateRequest(
                account_id=current_identity().account_id,
                operations=request.operations,
                file_ids=[ids.file_id(text, f"file_ids[{index}]") for index, text in enumerate(request.file_ids)],
                field="file_count" if planned else "file_ids",
                planned_count=request.file_count,
                planned_pages=request.page_count or 1,
                planned_size=(request.width, request.height) if request.width and request.height else None,
            )
        )
        data = pb.PriceEstimate(
            credits=estimate.price_millicredits / MILLI,
            list_credits=estimate.list_price_millicredits / MILLI,
            multiplier=estimate.balance.terms.multiplier_permille / MILLI,
            available=estimate.balance.available_millicredits / MILLI,
            covered=estimate.is_covered,
            estimated_seconds=estimate.seconds,
        )
        return pb.EstimateEnvelope(code=200, message=_SUCCESS, data=data)


def _entry(entry: LedgerEntry) -> pb.LedgerRecord:
    return pb.LedgerRecord(
        id=str(entry.id),
        kind=entry.kind.value.lower(),
        task_id=str(entry.task_id) if entry.task_id else None,
        credits=entry.amount_millicredits / MILLI,
        unlimited=entry.unlimited,
        created_at=timestamp(entry.time),
        note=entry.note or None,
    )
