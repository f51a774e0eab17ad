"""All checks of one service, with the settings in this process's environment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from deploy.admin.checks.certificates import check_own
from deploy.admin.checks.findings import SETTINGS, Finding, Level, ok, problem
from deploy.admin.checks.keys import check_keys, check_modes
from deploy.admin.checks.messaging import check_nats
from deploy.admin.checks.peers import Peer, check_peer
from deploy.admin.checks.postgres import DatabaseFacts, check_database
from deploy.service_settings import settings_classes
from edge.topology import DATABASES, SERVICES
from services.platform.config import DatabaseSettings, ProcessSettings
from services.platform.environment import PREFIX, EnvironmentSettings

_MOST_SECONDS = 60.0
_NAMES_OF_PEERS = {f"{name}{kind}": name for name, one in SERVICES.items() for kind in ("_address", "_public_address") if not one.http}

Check = tuple[str, Callable[[], Awaitable[Sequence[Finding]]]]


@dataclass(frozen=True)
class Outcome:
    """The findings of a service's checks, and the facts to compare with other services."""

    findings: Sequence[Finding]
    database: DatabaseFacts | None = None


async def check_service(service: str) -> Outcome:
    """Read the settings, and if they are valid try every connection at the same time."""
    settings, refused = load(service)
    if settings is None:
        return Outcome([one.of(service) for one in refused])
    facts: list[DatabaseFacts] = []

    async def database() -> Sequence[Finding]:
        found, known = await check_database(service, DatabaseSettings())
        facts.extend([known] if known else [])
        return found

    checks = [*_of_process(service, settings), *_of_kind(service, settings)]
    if service in DATABASES:
        checks.insert(0, ("PostgreSQL", database))
    found = [finding for group in await asyncio.gather(*(_tried(*check) for check in checks)) for finding in group]
    return Outcome([one.of(service) for one in (ok(SETTINGS, "valid"), *found)], facts[0] if facts else None)


def load(service: str) -> tuple[ProcessSettings | None, list[Finding]]:
    """The settings of a service; None if any is invalid, and then what is wrong with each."""
    main: ProcessSettings | None = None
    problems: dict[str, Finding] = {}
    for one in settings_classes(service):
        # Administration commands have some of the same.
        if one.__module__.startswith("services.platform.") or one.__name__.startswith("Administration"):
            continue
        try:
            loaded = one()
        except ValidationError as error:
            for finding in invalid(one, error):
                problems.setdefault(finding.text, finding)
        else:
            main = loaded if isinstance(loaded, ProcessSettings) else main
    return (None if problems else main), list(problems.values())


def invalid(settings: type[EnvironmentSettings], error: ValidationError) -> Iterator[Finding]:
    """The problem and purpose of each setting. The values are left out: they may be secrets."""
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        field = str(one["loc"][0]) if one["loc"] else ""
        name = f"{PREFIX}{field}".upper() if field else ""
        meaning = (settings.model_fields[field].description or "") if field in settings.model_fields else ""
        text = "is missing" if one["type"] == "missing" else one["msg"].removeprefix("Value error, ")
        yield problem(SETTINGS, f"{name} {text}".strip() if text.startswith(("is ", "must ", "holds ")) else f"{name}: {text}", meaning)


def _of_process(service: str, settings: ProcessSettings) -> Iterator[Check]:
    replicas = getattr(settings, "nats_replicas", None)
    yield "NATS", lambda: check_nats(service, settings, replicas)
    yield "keys", lambda: _now(check_keys(service, settings.signing_key_file, settings.trusted_keys_file))
    yield "file modes", lambda: _now(check_modes(_secret_files(settings)))
    if settings.internal_tls_dir is not None:
        folder = settings.internal_tls_dir
        yield "certificate", lambda: _now(check_own(folder, service))
    for field, name in _NAMES_OF_PEERS.items():
        if target := getattr(settings, field, None):
            yield name, partial(check_peer, Peer(name, target, f"{PREFIX}{field}".upper()), settings.tls)


def _of_kind(service: str, settings: ProcessSettings) -> Iterator[Check]:
    # The imports of these take a second.
    if service == "inference":
        from deploy.admin.checks.models import check_triton
        from services.inference.config import InferenceSettings

        assert isinstance(settings, InferenceSettings)
        yield "Triton", lambda: check_triton(settings)
    if service == "files":
        from services.files.config import FilesSettings
        from services.files.storage_check import check_storage

        assert isinstance(settings, FilesSettings)

        async def storage() -> Sequence[Finding]:
            found = await check_storage(settings, os.environ.get(f"{PREFIX}PUBLIC_URL"))
            return [Finding(Level(one.level), "storage", one.text, one.remedy) for one in found]

        yield "storage", storage


async def _tried(subject: str, check: Callable[[], Awaitable[Sequence[Finding]]]) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            return await check()
    except TimeoutError:
        return [problem(subject, f"no result within {_MOST_SECONDS:.0f} s", "check the network and the other side's log")]
    except Exception as error:  # noqa: BLE001 - one check that fails must not hide the others
        return [problem(subject, f"the check itself failed: {type(error).__name__}: {error}", "please report this")]


async def _now(findings: Sequence[Finding]) -> Sequence[Finding]:
    return findings


def _secret_files(settings: BaseSettings) -> Iterator[Path]:
    for field in ("signing_key_file", "webhook_secrets_key_file", "nats_credentials_file"):
        if (file := getattr(settings, field, None)) is not None:
            yield file
    if (folder := getattr(settings, "internal_tls_dir", None)) is not None:
        yield folder / "tls.key"
