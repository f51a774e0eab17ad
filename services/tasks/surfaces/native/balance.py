"""`darkroom.tasks.v1.BalanceService`: the calling account's credits."""

from __future__ import annotations

from darkroom.tasks.v1 import balance_service_pb2, balance_service_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import current_identity
from services.platform.rpc.interceptor import Context
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import EstimateRequest
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.surfaces.native.messages import balance_message, ledger_entry_message


class NativeBalance(balance_service_pb2_grpc.BalanceServiceServicer):
    """Balance and ledger of the calling account."""

    def __init__(self, ledger: Ledger, acceptance: Acceptance) -> None:
        self._ledger, self._acceptance = ledger, acceptance

    async def GetBalance(self, request: balance_service_pb2.GetBalanceRequest, context: Context) -> balance_service_pb2.GetBalanceResponse:
        """The account's balance."""
        balance = await self._ledger.balance(current_identity().account_id)
        return balance_service_pb2.GetBalanceResponse(balance=balance_message(balance))

    async def ListLedger(self, request: balance_service_pb2.ListLedgerRequest, context: Context) -> balance_service_pb2.ListLedgerResponse:
        """List entries, newest first."""
        page = await self._ledger.page(current_identity().account_id, size=request.page_size, token=request.page_token)
        return balance_service_pb2.ListLedgerResponse(entries=map(ledger_entry_message, page.entries), next_page_token=page.next_page_token)

    async def EstimatePrice(
        self, request: balance_service_pb2.EstimatePriceRequest, context: Context
    ) -> balance_service_pb2.EstimatePriceResponse:
        """Say what a task would cost."""
        if request.file_count and request.input_file_ids:
            raise DarkroomError(ErrorReason.FIELD_INVALID, "file_count: replaces input_file_ids; send only one.", field="file_count")
        estimate = await self._acceptance.estimate(
            EstimateRequest(
                account_id=current_identity().account_id,
                operations=request.operations,
                file_ids=request.input_file_ids,
                field="file_count" if request.file_count else "input_file_ids",
                planned_count=request.file_count,
                planned_pages=request.page_count or 1,
            )
        )
        return balance_service_pb2.EstimatePriceResponse(
            price_millicredits=estimate.price_millicredits,
            list_price_millicredits=estimate.list_price_millicredits,
            balance=balance_message(estimate.balance),
            covered=estimate.is_covered,
        )
