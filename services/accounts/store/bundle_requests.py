"""Requests to change which bundles of models are installed, of which PostgreSQL has only the audit log."""

from __future__ import annotations

from darkroom.common.v1 import audit_pb2
from services.platform.audit.changes import details, enter
from services.platform.bundles import BundleState
from services.platform.database import Database


class BundleRequestStore:
    """Enters them. Raises UNAVAILABLE while PostgreSQL is unreachable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, account_id: int, action: audit_pb2.AuditAction.ValueType, bundle: BundleState, wanted: str) -> None:
        """Enter a request to bring a bundle from its state to another."""
        told = details({"status": bundle.status}, {"status": wanted}, bundle_id=bundle.id)
        async with self._database.transaction() as transaction:
            await enter(transaction, action, account_id, told=told)
