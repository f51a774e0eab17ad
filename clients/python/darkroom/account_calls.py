"""The account: its details, usage, balance, ledger, audit log and price estimates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import cached_property

from darkroom.accounts.v1 import (
    account_pb2,
    accounts_service_pb2,
    accounts_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    usage_pb2,
    usage_service_pb2,
    usage_service_pb2_grpc,
)
from darkroom.calls import pages
from darkroom.common.v1 import audit_pb2
from darkroom.common.v1.scopes import scope_text
from darkroom.operations.v1 import operation_pb2
from darkroom.part import Part
from darkroom.tasks.v1 import balance_pb2, balance_service_pb2, balance_service_pb2_grpc


class AccountPart(Part):
    """The account methods of `AsyncClient`."""

    @cached_property
    def _accounts(self) -> accounts_service_pb2_grpc.AccountsServiceAsyncStub:
        return accounts_service_pb2_grpc.AccountsServiceStub(self._calls.channel)

    @cached_property
    def _balance(self) -> balance_service_pb2_grpc.BalanceServiceAsyncStub:
        return balance_service_pb2_grpc.BalanceServiceStub(self._calls.channel)

    @cached_property
    def _audit(self) -> audit_service_pb2_grpc.AuditServiceAsyncStub:
        return audit_service_pb2_grpc.AuditServiceStub(self._calls.channel)

    @cached_property
    def _usage(self) -> usage_service_pb2_grpc.UsageServiceAsyncStub:
        return usage_service_pb2_grpc.UsageServiceStub(self._calls.channel)

    async def account(self) -> account_pb2.Account:
        """The account that the key belongs to."""
        return (await self._calls.call(self._accounts.GetAccount, accounts_service_pb2.GetAccountRequest())).account

    async def scopes(self) -> list[str]:
        """The scopes of this client's key, such as `tasks:write`; empty for a key with all scopes."""
        reply = await self._calls.call(self._accounts.GetAccount, accounts_service_pb2.GetAccountRequest())
        return [scope_text(scope) for scope in reply.scopes]

    async def balance(self) -> balance_pb2.Balance:
        """The account's balance, in thousandths of a credit."""
        return (await self._calls.call(self._balance.GetBalance, balance_service_pb2.GetBalanceRequest())).balance

    async def usage(self) -> usage_pb2.Usage:
        """How much of its limits the account has used: storage, tasks, keys, webhooks, streams, requests, and credits.

        An amount without a limit has no `limit`: `usage.bytes.HasField("limit")`.
        """
        return (await self._calls.call(self._usage.GetUsage, usage_service_pb2.GetUsageRequest())).usage

    async def list_ledger(self, limit: int = 100) -> list[balance_pb2.LedgerEntry]:
        """The newest entries of the account's ledger, up to `limit`."""
        return [entry async for entry in self.iterate_ledger(limit)]

    async def iterate_ledger(self, limit: int | None = None) -> AsyncIterator[balance_pb2.LedgerEntry]:
        """The account's ledger, newest entry first, fetched page by page as it is read."""
        request = balance_service_pb2.ListLedgerRequest(page_size=1000)
        async for entry in pages(self._calls.call, self._balance.ListLedger, request, "entries", limit):
            yield entry

    async def list_audit(
        self,
        limit: int = 100,
        *,
        actions: Sequence[audit_pb2.AuditAction.ValueType] = (),
        resource_id: int = 0,
        key_id: int = 0,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> list[audit_pb2.AuditEntry]:
        """The newest entries of the account's audit log, up to `limit`: who changed what, and from where.

        Only those of some actions, about one resource, by one API key, or of a period, if given.
        """
        request = audit_service_pb2.ListAuditEntriesRequest(page_size=1000, actions=actions, resource_id=resource_id, key_id=key_id)
        if start_time is not None:
            request.start_time.FromDatetime(start_time)
        if end_time is not None:
            request.end_time.FromDatetime(end_time)
        return [entry async for entry in pages(self._calls.call, self._audit.ListAuditEntries, request, "entries", limit)]

    async def estimate_price(
        self,
        operations: Sequence[operation_pb2.Operation],
        input_file_ids: Sequence[int] = (),
        *,
        file_count: int = 0,
        page_count: int = 0,
        size: tuple[int, int] | None = None,
    ) -> balance_service_pb2.EstimatePriceResponse:
        """The current price of a task, and whether the balance covers it. Nothing is created.

        For files that are not uploaded yet, pass their number (`file_count`), and the number of pages (`page_count`) or the width and
        height in pixels (`size`) of each; with `size`, the reply has an estimate of the time.
        """
        request = balance_service_pb2.EstimatePriceRequest(
            input_file_ids=input_file_ids, operations=operations, file_count=file_count, page_count=page_count
        )
        if size is not None:
            request.width, request.height = size
        return await self._calls.call(self._balance.EstimatePrice, request)
