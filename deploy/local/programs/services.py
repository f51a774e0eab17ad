"""Darkroom's own services: accounts, files, tasks, gateway and inference."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping

import httpx

from deploy.local.certificates import authority_folder, certificate_folder
from deploy.local.config import BUCKET, LOOPBACK, StackConfig, digest_of
from deploy.local.credentials import OPERATOR, signing_key_file, trusted_keys_file, webhook_secrets_key_file
from deploy.local.errors import NotReady, PartFailed
from deploy.local.health import check_health
from deploy.local.layout import REPOSITORY
from deploy.local.program import Program
from deploy.local.programs.postgres import database_url, migrated_to, note_migrated
from deploy.local.supervisor import inherited_environment
from deploy.service_settings import known_settings
from edge.topology import AUTHORIZATION, CORE, SERVICES
from services.platform.tls import FILES


def address(config: StackConfig, service: str) -> str:
    """Target of a service's public listener, to which Envoy routes."""
    return config.listener(service)


def internal_address(config: StackConfig, service: str) -> str:
    """gRPC target of a service's internal listener, which other services call."""
    return config.listener(f"{service}-internal")


def authorization_address(config: StackConfig) -> str:
    """Target of the listener that the edge asks about every request."""
    return config.listener(AUTHORIZATION)


def metrics_address(config: StackConfig, service: str) -> str:
    """The address of a service's metrics and probes, `host:port`."""
    return f"{LOOPBACK}:{config.ports.metrics[service]}"


def service_environment(config: StackConfig, service: str) -> dict[str, str]:
    """The DARKROOM_* settings that one service is started with: those that its settings classes have. The operator's own win."""
    environment = {
        "DARKROOM_LISTEN": address(config, service),
        "DARKROOM_INTERNAL_LISTEN": internal_address(config, service),
        "DARKROOM_AUTHORIZATION_LISTEN": authorization_address(config),
        "DARKROOM_METRICS_LISTEN": metrics_address(config, service),
        # There is no other replica to route to.
        "DARKROOM_DRAIN_NOTICE": "0",
        "DARKROOM_PUBLIC_URL": config.public_url,
        "DARKROOM_DEFAULT_PASSWORD": config.first_password,
        "DARKROOM_WEBHOOK_ALLOW_LOOPBACK": str(config.is_only_here).lower(),
        "DARKROOM_DISK_PATH": str(config.layout.data),
        "DARKROOM_NATS_URL": config.nats_user_url(service),
        "DARKROOM_S3_ENDPOINT": config.s3_endpoint,
        "DARKROOM_S3_PUBLIC_ENDPOINT": config.public_url,
        "DARKROOM_S3_ACCESS_KEY": config.credentials.s3_access_key,
        "DARKROOM_S3_SECRET_KEY": config.credentials.s3_secret_key,
        "DARKROOM_S3_BUCKET": BUCKET,
        "DARKROOM_TRITON_ADDRESS": config.triton_address,
        "DARKROOM_MODEL_REPOSITORY": str(config.settings.models),
        "DARKROOM_WORK_DIR": str(config.layout.tmp / "inference"),
        # Short, so that `down` is quick; unfinished work is handed back.
        "DARKROOM_DRAIN_SECONDS": "2",
        "DARKROOM_SIGNING_KEY_FILE": str(signing_key_file(config.layout, service)),
        "DARKROOM_TRUSTED_KEYS_FILE": str(trusted_keys_file(config.layout)),
        "DARKROOM_WEBHOOK_SECRETS_KEY_FILE": str(webhook_secrets_key_file(config.layout)),
    }
    for other in SERVICES:
        environment[f"DARKROOM_{other.upper()}_ADDRESS"] = internal_address(config, other)
        environment[f"DARKROOM_{other.upper()}_PUBLIC_ADDRESS"] = address(config, other)
    if config.settings.internal_tls:
        environment["DARKROOM_INTERNAL_TLS_DIR"] = str(certificate_folder(config.layout, service))
    if config.worker_address is not None:
        environment["DARKROOM_WORKER_ADDRESS"] = config.worker_address
        environment["DARKROOM_WORKER_AUTHORITY_DIR"] = str(authority_folder(config.layout))
    if SERVICES[service].database:
        environment["DARKROOM_DATABASE_URL"] = database_url(config, service)
    known, own = known_settings(service), config.settings.services
    # A file that is named for one of them replaces the stack's own value.
    kept = {name: value for name, value in environment.items() if f"{name}_FILE" not in own}
    return {name: value for name, value in {**kept, **own}.items() if name in known}


def service(config: StackConfig, name: str) -> Program:
    """One of Darkroom's services: migrated before it starts, ready when its listeners report SERVING."""

    async def ready() -> None:
        await _check_ready(config, name)

    return _program(config, name, (name,), (), service_environment(config, name), ready)


def core(config: StackConfig) -> Program:
    """The services that share a process, as one part."""
    environment = {f"{name.upper()}_{key}": value for name in CORE for key, value in service_environment(config, name).items()}

    async def ready() -> None:
        for name in CORE:
            try:
                await _check_ready(config, name)
            except NotReady as problem:
                raise NotReady(f"{name}: {problem}") from problem

    return _program(config, "core", CORE, CORE, environment, ready)


def _program(
    config: StackConfig,
    name: str,
    services: tuple[str, ...],
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    ready: Callable[[], Awaitable[None]],
) -> Program:
    folders = dict.fromkeys(("platform", "pictures", *services, name))
    code = [*(REPOSITORY / "services" / folder for folder in folders), REPOSITORY / "gen" / ".stamp"]
    certificates = [certificate_folder(config.layout, one) / file for one in services for file in FILES]

    async def prepare() -> None:
        for one in services:
            if SERVICES[one].database:
                await _migrate(config, one)

    return Program(
        name=name,
        services=services,
        command=(sys.executable, "-m", f"services.{name}", *arguments),
        module=f"services.{name}",
        shares=config.settings.separate_services,
        environment={**environment, "PYTHONUNBUFFERED": "1", "TMPDIR": str(config.layout.tmp)},
        configure=lambda: digest_of([*code, trusted_keys_file(config.layout), *certificates]),
        requires=tuple(dict.fromkeys(required for one in services for required in SERVICES[one].requires)),
        prepare=prepare,
        ready=ready,
        ready_seconds=max(SERVICES[one].ready_seconds for one in services),
        # Calls in flight on two listeners and a worker's tasks may take 15 seconds to end, and longer on a busy machine.
        stop_seconds=60,
    )


async def run_service_command(config: StackConfig, service: str, *arguments: str) -> str:
    """Run one of a service's administration commands with its settings and return what it printed.

    Raises PartFailed with the command's last lines when it fails.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{service}",
        *arguments,
        cwd=REPOSITORY,
        env={**inherited_environment(config.layout), **service_environment(config, service)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    output, problems = await process.communicate()
    if process.returncode != 0:
        lines = (output + problems).decode(errors="replace").splitlines()[-30:]
        raise PartFailed(service, f"`{' '.join(arguments)}` ended with status {process.returncode}", lines)
    return output.decode()


async def _migrate(config: StackConfig, name: str) -> None:
    """Run a service's migrations unless its database is noted to have had them."""
    digest = digest_of([REPOSITORY / "services" / name / "migrations", REPOSITORY / "services" / "platform" / "migrations.py"])
    if await migrated_to(config, name) == digest:
        return
    # Here, and not by the service's command, whose start takes three times as long as all migrations.
    from services.platform.migrations import migrate

    try:
        await asyncio.to_thread(migrate, name, service_environment(config, name)["DARKROOM_DATABASE_URL"])
    except Exception as error:
        raise PartFailed(name, f"its database cannot be migrated: {error}", traceback.format_exc().splitlines()[-30:]) from error
    await note_migrated(config, name, digest)


async def _reasons(address: str) -> str:
    """The reason that a service is not ready, as it reports itself; empty if it gives no reason."""
    try:
        # Plain HTTP; without `verify=False` each client reads the public authorities first, which takes longer than the rest of a check.
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=1) as client:  # noqa: S501
            problems = (await client.get(f"http://{address}/readyz")).json()["problems"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError):
        return ""
    return "; ".join(f"{name}: {problem}" for name, problem in problems.items())


async def _check_ready(config: StackConfig, name: str) -> None:
    """Raises NotReady, or an OSError, unless all listeners of a service report that they serve."""
    declared = SERVICES[name]
    for target in (internal_address(config, name), *([address(config, name)] if declared.public and not declared.http else [])):
        # Not grpc.aio, which does not work with several event loops in one process, as in tests.
        try:
            await asyncio.to_thread(check_health, target, name, config.tls(OPERATOR))
        except NotReady as problem:
            raise NotReady(await _reasons(metrics_address(config, name)) or str(problem)) from problem
    if declared.http:
        await _check_open(address(config, name))


async def _check_open(target: str) -> None:
    path = target.removeprefix("unix:")
    host, _, port = target.rpartition(":")
    try:
        _, writer = await (asyncio.open_unix_connection(path) if path != target else asyncio.open_connection(host, int(port)))
    except OSError as error:
        raise NotReady(f"{target} is not open: {error.strerror}") from error
    writer.close()
