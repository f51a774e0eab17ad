"""Balances: what an account may read, and what the operator may change."""

from __future__ import annotations

from dataclasses import dataclass

from services.platform.clock import Clock
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.credits.amounts import credits_text
from services.tasks.domain.pages import Listing, before_id, page_token
from services.tasks.model import LedgerEntry
from services.tasks.model.records import Balance, CreditTerms
from services.tasks.store.ledger import LedgerStore

_DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Part of a list."""

    entries: list[LedgerEntry]
    next_page_token: str
    """Empty at the end."""


class Ledger:
    """Reads balances, grants and refunds. `terms` apply to accounts without terms of their own."""

    def __init__(self, store: LedgerStore, terms: CreditTerms, clock: Clock) -> None:
        self._store, self._terms, self._clock = store, terms, clock

    async def balance(self, account_id: int) -> Balance:
        """The account's balance."""
        return await self._store.balance(account_id, self._terms)

    async def page(self, account_id: int, *, size: int, token: str) -> LedgerPage:
        """`size` entries (0: 100), newest first. Raises FIELD_INVALID for a token it did not make."""
        size = size or _DEFAULT_PAGE
        entries = await self._store.entries(account_id, before_id=before_id(token, Listing.LEDGER), limit=size + 1)
        more = len(entries) > size
        return LedgerPage(entries[:size], page_token(entries[size - 1].id, Listing.LEDGER) if more else "")

    async def grant(self, account_id: int, *, amount_millicredits: int, note: str, reference: str | None) -> LedgerEntry:
        """Add to a balance. If the account already has a grant with this reference, nothing is added and that grant's entry is returned.

        Raises FIELD_INVALID if the earlier grant was of another amount.
        """
        entry = await self._store.grant(
            account_id, amount_millicredits=amount_millicredits, note=note, reference=reference, now=self._clock()
        )
        if entry is not None:
            return entry
        earlier = await self._store.find_grant(account_id, reference)
        if earlier is None or earlier.amount_millicredits != amount_millicredits:
            given = f", of {credits_text(earlier.amount_millicredits)} credits" if earlier is not None else ""
            raise DarkroomError(
                ErrorReason.FIELD_INVALID, f"reference: {reference} has been used for another grant{given}.", field="reference"
            )
        return earlier

    async def refund(self, task_id: int, *, note: str) -> LedgerEntry:
        """Give back what a task cost; repeating the call gives nothing more. Raises FIELD_INVALID if the task cost nothing."""
        entry = await self._store.refund(task_id, note=note, now=self._clock()) or await self._store.find_refund(task_id)
        if entry is None:
            raise DarkroomError(ErrorReason.FIELD_INVALID, f"task: {task_id} has cost nothing.", field="task")
        return entry

    async def set_terms(self, account_id: int, *, unlimited: bool | None, multiplier_permille: int | None) -> Balance:
        """Set the cost of the account's future tasks; None: as in the settings."""
        await self._store.set_terms(account_id, unlimited=unlimited, multiplier_permille=multiplier_permille)
        return await self.balance(account_id)
