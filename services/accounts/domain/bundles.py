"""Changing which bundles of models are installed, entered into the audit log."""

from __future__ import annotations

from darkroom.common.v1 import audit_pb2
from services.accounts.domain.home import Home
from services.accounts.store.bundle_requests import BundleRequestStore
from services.platform.bundles import BundleState, RemoteBundles
from services.platform.identity import Identity


class BundleChanges:
    """Asks the workers, after the request is in the log: nothing changes that is not there. The caller's permission has been checked.
    Raises PERMISSION_DENIED for callers of another account."""

    def __init__(self, bundles: RemoteBundles, requests: BundleRequestStore, home: Home) -> None:
        self._bundles, self._requests, self._home = bundles, requests, home

    async def install(self, caller: Identity, bundle: str) -> int:
        """Begin to install; returns the installation's number. Raises BUNDLE_NOT_FOUND, BUNDLE_CONFLICT, UNAVAILABLE, and
        OPERATION_UNAVAILABLE if nobody can do that here."""
        account_id, found = await self._found(caller, bundle)
        await self._requests.enter(account_id, audit_pb2.AUDIT_ACTION_BUNDLE_INSTALL_REQUESTED, found, "installed")
        return await self._bundles.install(bundle)

    async def remove(self, caller: Identity, bundle: str) -> None:
        """Remove. Raises as `install`."""
        account_id, found = await self._found(caller, bundle)
        await self._requests.enter(account_id, audit_pb2.AUDIT_ACTION_BUNDLE_REMOVAL_REQUESTED, found, "not_installed")
        await self._bundles.remove(bundle)

    async def _found(self, caller: Identity, bundle: str) -> tuple[int, BundleState]:
        return await self._home.require(caller), await self._bundles.changeable(bundle)
