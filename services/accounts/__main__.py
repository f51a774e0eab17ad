"""`python -m services.accounts`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc

from darkroom.accounts.v1 import accounts_service_pb2, accounts_service_pb2_grpc
from darkroom.rest.v1 import keys_pb2, keys_pb2_grpc
from services.accounts import cli
from services.accounts.config import AccountsSettings
from services.accounts.domain import announcer
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.announcer import Announcer
from services.accounts.domain.authentication import IdentitySigner, KeyAuthenticator
from services.accounts.domain.key_creation import PURPOSE, KeyCreation
from services.accounts.domain.usage import INTERVAL_SECONDS as USAGE_SECONDS
from services.accounts.domain.usage import Usage
from services.accounts.store.accounts import AccountStore
from services.accounts.surfaces.edge.authorization import AuthorizationServicer
from services.accounts.surfaces.native.accounts import AccountsServicer
from services.accounts.surfaces.rest.keys import RestKeys
from services.common import bus, config, log, process
from services.common.clock import system_clock
from services.common.database import opened
from services.common.idempotency import IdempotencyRecords
from services.common.identity import IDENTITY_ISSUER, Signer, Verifier
from services.common.loop import Loop
from services.common.revocations import hearing_revoked
from services.common.rpc.server import Mount, listening
from services.common.telemetry import checks, tracing
from services.common.telemetry.health import Health
from services.common.telemetry.listener import observable
from services.common.telemetry.reading import PoolGauges

_NATIVE = accounts_service_pb2.DESCRIPTOR.services_by_name["AccountsService"]
_REST = keys_pb2.DESCRIPTOR.services_by_name["KeysService"]
_SWEEP_SECONDS = 60.0
_AUTHORIZATION = external_auth_pb2.DESCRIPTOR.services_by_name["Authorization"]


async def serve(settings: AccountsSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings.database_url, settings.database_pool))
        connection = await stack.enter_async_context(bus.connected(settings.nats_url, "accounts", settings.nats_replicas))
        store = AccountStore(database)
        usage = Usage(store)
        signer = Signer(IDENTITY_ISSUER, settings.signing_key_file)
        authenticator = KeyAuthenticator(store.owner, IdentitySigner(signer), usage.note)
        announcements = Loop("announce_revocations", announcer.INTERVAL_SECONDS, Announcer(store, connection).step)

        def revoked(key_id: int) -> None:
            authenticator.evict(key_id)
            announcements.wake()

        accounts = Accounts(store, revoked)
        idempotency = IdempotencyRecords(database, system_clock)
        creation = KeyCreation(accounts, store, idempotency, signer.derived_secret(PURPOSE))
        # Not NATS: keys are checked without it, and a revocation counts within seconds.
        health = Health([checks.database(database.engine)])
        await stack.enter_async_context(health.watching())
        verifier = Verifier(settings.trusted_keys_file)
        mounts = [
            Mount(_NATIVE, accounts_service_pb2_grpc.add_AccountsServiceServicer_to_server, AccountsServicer(accounts, creation)),
            Mount(_REST, keys_pb2_grpc.add_KeysServiceServicer_to_server, RestKeys(accounts, creation)),
        ]
        authorization = [
            Mount(_AUTHORIZATION, external_auth_pb2_grpc.add_AuthorizationServicer_to_server, AuthorizationServicer(authenticator))
        ]
        await stack.enter_async_context(hearing_revoked(connection, authenticator.evict))
        await stack.enter_async_context(process.background(announcements.run()))
        await stack.enter_async_context(process.background(Loop("record_key_use", USAGE_SECONDS, usage.step).run()))
        await stack.enter_async_context(process.background(Loop("sweep_idempotency", _SWEEP_SECONDS, idempotency.sweep).run()))
        await stack.enter_async_context(observable(settings.metrics_listen, health, [PoolGauges(database.engine)]))
        await stack.enter_async_context(
            listening("internal", settings.internal_listen, authorization, verifier, health=health, drain_seconds=settings.drain_calls)
        )
        await stack.enter_async_context(
            listening("public", settings.listen, mounts, verifier, health=health, drain_seconds=settings.drain_calls)
        )
        await stop.wait()
        await health.drain(settings.drain_notice)


def main() -> int:
    """Run a command, or read the settings and serve; the exit status."""
    if len(sys.argv) > 1:
        return cli.main(sys.argv[1:])
    settings = config.load(AccountsSettings)
    log.configure("accounts", settings.log_level)
    with tracing.exporting("accounts", settings.otlp_endpoint, settings.trace_ratio):
        process.run(lambda stop: serve(settings, stop))
    return 0


if __name__ == "__main__":
    sys.exit(main())
