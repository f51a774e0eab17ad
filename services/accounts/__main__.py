"""`python -m services.accounts`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import sys

from services.accounts import cli
from services.accounts.clients import FilesOfSurface, SavedPipelines, Shelves
from services.accounts.config import AccountsSettings
from services.accounts.domain.account_settings import AccountSettings
from services.accounts.domain.account_usage import UsageReport
from services.accounts.domain.accounts import Accounts
from services.accounts.domain.admission import Admission
from services.accounts.domain.anonymous import Anonymous, is_for_people
from services.accounts.domain.audit_trail import AuditTrail
from services.accounts.domain.authentication import IdentitySigner, KeyAuthenticator
from services.accounts.domain.branding import Branding
from services.accounts.domain.bundles import BundleChanges
from services.accounts.domain.callers import Callers
from services.accounts.domain.home import Home
from services.accounts.domain.key_creation import PURPOSE, KeyCreation
from services.accounts.domain.new_people import NewPeople
from services.accounts.domain.passwords import Passwords
from services.accounts.domain.rate_limits import RateLimits
from services.accounts.domain.repeats import PURPOSE as REPEATS_PURPOSE
from services.accounts.domain.repeats import Repeats
from services.accounts.domain.roles import Roles
from services.accounts.domain.sessions import Sessions
from services.accounts.domain.sign_in_links import LinkMaker, SignInLinks
from services.accounts.domain.system import SystemReport
from services.accounts.domain.teams import Teams
from services.accounts.domain.upkeep import AGES_SECONDS, ANNOUNCING_SECONDS, DEPARTURES_SECONDS, Announcer, Departures, FileAges
from services.accounts.domain.usage import INTERVAL_SECONDS as USAGE_SECONDS
from services.accounts.domain.usage import Usage
from services.accounts.domain.user_keys import UserKeys
from services.accounts.domain.users import Users
from services.accounts.domain.worker_certificates import WorkerAuthority
from services.accounts.domain.workers import Workers
from services.accounts.store.account_settings import SettingStore
from services.accounts.store.accounts import AccountStore
from services.accounts.store.buckets import BucketStore
from services.accounts.store.bundle_requests import BundleRequestStore
from services.accounts.store.call_records import CallRecords
from services.accounts.store.credentials import CredentialStore
from services.accounts.store.departures import DepartureStore
from services.accounts.store.logos import LogoStore
from services.accounts.store.people import PeopleStore
from services.accounts.store.revocations import RevocationStore
from services.accounts.store.roles import RoleStore
from services.accounts.store.sessions import SessionStore
from services.accounts.store.sign_in_links import LinkStore
from services.accounts.store.teams import TeamStore
from services.accounts.store.workers import WorkerStore
from services.accounts.surfaces.edge import listener
from services.accounts.surfaces.internal.servicers import MembershipServicer, SettingValues
from services.accounts.surfaces.native.accounts import AccountsServicer
from services.accounts.surfaces.native.installation import NativeBranding, NativeFeatures, NativeSettings
from services.accounts.surfaces.native.people import NativeAudit, NativeRoles, NativeSessions, NativeTeams, NativeUserKeys
from services.accounts.surfaces.native.usage import NativeUsage
from services.accounts.surfaces.native.users import NativeUsers
from services.accounts.surfaces.rest.administration import RestAudit, RestSystem, RestUsage, RestWorkers
from services.accounts.surfaces.rest.installation import RestBranding, RestBundles, RestSettings
from services.accounts.surfaces.rest.keys import RestKeys
from services.accounts.surfaces.rest.people import RestRoles, RestTeams, RestUserKeys, RestUsers
from services.accounts.surfaces.rest.sessions import RestSessions
from services.platform import bus
from services.platform.account_usage import RemoteUsage
from services.platform.audit.log import SWEEP_SECONDS as AUDIT_SWEEP_SECONDS
from services.platform.audit.log import AuditLog
from services.platform.audit.part import RemotePart
from services.platform.bundles import RemoteBundles
from services.platform.clock import system_clock
from services.platform.database import open_database
from services.platform.idempotency import IdempotencyRecords
from services.platform.identity import IDENTITY_ISSUER, Signer
from services.platform.loop import Loop
from services.platform.revocations import hearing_revoked
from services.platform.rpc import catalogue
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.server import Mount
from services.platform.serving import Opening, Parts, Service
from services.platform.system_part import OwnPart, RemoteSystemPart
from services.platform.telemetry import checks
from services.platform.telemetry.reading import PoolGauges

_SWEEP_SECONDS = 60.0


async def compose(settings: AccountsSettings, opening: Opening) -> Parts:
    """Put the service together."""
    database = await opening.open("database", open_database(settings.database, settings.database_pool))
    connection = await opening.open("nats", bus.connect(settings.nats, "accounts"))
    store = AccountStore(database)
    sessions, people = SessionStore(database), PeopleStore(database)
    usage = Usage(store, sessions)
    signer = Signer(IDENTITY_ISSUER, settings.signing_key_file)
    sign = IdentitySigner(signer)

    authenticator = KeyAuthenticator(CredentialStore(database).owner, sign, usage.note)
    announcements = Loop("announce_revocations", ANNOUNCING_SECONDS, Announcer(RevocationStore(database), connection).step)

    def on_revocation(key_id: int) -> None:
        authenticator.evict(key_id)
        announcements.wake()

    accounts = Accounts(store, on_revocation, max_keys=settings.max_keys)
    buckets = BucketStore(database)
    rates = RateLimits(buckets.borrow, settings.rate_rules)
    home, passwords, rules = Home(people, settings.people_account_id), Passwords(), settings.people_rules
    admission = Admission(authenticator, rates, Anonymous(home, store, sign) if not rules.auth_enabled else None)

    def settings_changed() -> None:
        file_ages.wake()

    seeds = {"defaultTheme": settings.default_theme, "defaultLocale": settings.default_locale}
    shared = AccountSettings(SettingStore(database), home, seeds, settings_changed)
    signing_in = Sessions(people, sessions, home, passwords, rates, rules, on_revocation, attempts=shared.login_attempts)
    links = LinkStore(database)
    signing_in_by_link = SignInLinks(links, signing_in, sessions, home, rules)
    caller, audit = Caller(signer), AuditLog(database, settings.audit_life, system_clock)
    files = await opening.open("files", channel(settings.files_address, "files", settings.tls))
    tasks = await opening.open("tasks", channel(settings.tasks_address, "tasks", settings.tls))
    clears = (Shelves(files, caller).clear, SavedPipelines(tasks, caller).clear)
    departures = Loop("clear_departures", DEPARTURES_SECONDS, Departures(DepartureStore(database), clears).step)
    # The people's settings are about the files that they make through these.
    of_people = [one.name for one in catalogue.declared_surfaces() if is_for_people(one)]
    ages = FileAges(shared, home, [FilesOfSurface(files, caller, name).set_max_age for name in of_people])
    file_ages = Loop("tell_file_ages", AGES_SECONDS, ages.step)
    idempotency = IdempotencyRecords(database, system_clock)
    repeats = Repeats(idempotency, CallRecords(database), signer.derived_secret(REPEATS_PURPOSE))
    users = Users(people, home, passwords, rules, on_revocation, departures.wake)
    new_people = NewPeople(users, LinkMaker(links, people, home, rules), repeats)
    roles, teams = Roles(RoleStore(database), home, repeats, on_revocation), Teams(TeamStore(database), home, repeats)
    branding, bundles = Branding(LogoStore(database), home), RemoteBundles(connection.client)
    bundle_changes, user_keys = (
        BundleChanges(bundles, BundleRequestStore(database), home),
        UserKeys(sessions, usage, repeats, on_revocation, max_keys=settings.max_keys),
    )
    creation = KeyCreation(accounts, store, idempotency, signer.derived_secret(PURPOSE))
    await opening.open("revocations", hearing_revoked(connection, lambda key_id, _: authenticator.evict(key_id)))
    trail = AuditTrail({"accounts": audit, "files": RemotePart(files, caller), "tasks": RemotePart(tasks, caller)})
    parts = [RemoteUsage(files, caller).read, RemoteUsage(tasks, caller).read]
    own, system = OwnPart(), {"files": RemoteSystemPart(files, caller).read, "tasks": RemoteSystemPart(tasks, caller).read}
    if settings.gateway_address is not None:
        gateway = await opening.open("gateway", channel(settings.gateway_address, "gateway", settings.tls))
        system["gateway"] = RemoteSystemPart(gateway, caller).read
    workers = Workers(
        WorkerStore(database),
        signer,
        WorkerAuthority(settings.worker_authority_dir) if settings.worker_authority_dir is not None else None,
        settings.trusted_keys_file.read_text(),
        signing_in.count_wrong_secret,
    )
    report = UsageReport(store, buckets.remaining, settings.rate_rules, parts, max_keys=settings.max_keys)
    return Parts(
        # Not NATS: keys are checked without it, and a revocation still takes effect within seconds.
        needs=[checks.database(database)],
        loops=[
            announcements,
            departures,
            file_ages,
            Loop("record_key_use", USAGE_SECONDS, usage.step),
            Loop("sweep_idempotency", _SWEEP_SECONDS, idempotency.sweep),
            Loop("sweep_sessions", _SWEEP_SECONDS, lambda: sessions.sweep(system_clock())),
            Loop("sweep_sign_in_links", _SWEEP_SECONDS, lambda: links.sweep(system_clock())),
            Loop("sweep_worker_tokens", _SWEEP_SECONDS, workers.sweep),
            Loop("sweep_audit", AUDIT_SWEEP_SECONDS, audit.sweep),
            Loop("sweep_buckets", _SWEEP_SECONDS, buckets.sweep),
            Loop("forget_slices", _SWEEP_SECONDS, rates.forget),
        ],
        collectors=[PoolGauges(database.pool)],
        internal=[Mount(SettingValues(shared)), Mount(MembershipServicer(workers))],
        own=own,
        listeners=[lambda health: listener.listening(settings.authorization_listen, admission, health, settings.drain_calls, settings.tls)],
        public=[
            Mount(AccountsServicer(accounts, creation)),
            Mount(NativeAudit(trail, users)),
            Mount(NativeUsage(report)),
            Mount(NativeSessions(signing_in)),
            Mount(NativeUsers(users, new_people, settings.public_url)),
            Mount(NativeUserKeys(user_keys)),
            Mount(NativeSettings(shared)),
            Mount(NativeBranding(branding)),
            Mount(NativeRoles(roles)),
            Mount(NativeTeams(teams)),
            Mount(NativeFeatures(bundles, bundle_changes, home)),
            Mount(RestKeys(accounts, creation)),
            Mount(RestUsers(users, new_people, settings.public_url)),
            Mount(RestRoles(roles)),
            Mount(RestTeams(teams)),
            Mount(RestUserKeys(user_keys)),
            Mount(RestSettings(shared)),
            Mount(RestBranding(branding, shared)),
            Mount(RestBundles(bundles, bundle_changes, home)),
            Mount(RestAudit(trail)),
            Mount(RestUsage(report)),
            Mount(RestWorkers(workers)),
            Mount(RestSystem(SystemReport({"accounts": own.read, **system}), home, settings.metrics_url, system_clock)),
            Mount(RestSessions(signing_in, signing_in_by_link, Callers(accounts, people, signing_in, sessions))),
        ],
    )


service = Service("accounts", AccountsSettings, compose, cli.main)
serve = service.serve

if __name__ == "__main__":
    sys.exit(service.main())
