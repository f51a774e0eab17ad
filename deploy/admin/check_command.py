"""`check`: whether the settings of all services are valid, and what they name can be used from here."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deploy.admin.checks.findings import SETTINGS, Finding, Level, problem, warning
from deploy.admin.checks.keys import check_modes
from deploy.admin.checks.messaging import check_jetstream
from deploy.admin.checks.public import check_edge
from deploy.admin.checks.redaction import Redaction
from deploy.admin.sources import Source, add_options, source_of
from deploy.local.layout import REPOSITORY
from deploy.service_settings import known_settings
from edge.settings import EdgeSettings
from edge.topology import SERVICES

_MOST_SECONDS = 120.0
_SHARE = 0.9
"""The share of a server's connections that services may use: people and backups need some too."""


def add(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument("services", nargs="*", metavar="SERVICE", help=f"{', '.join(SERVICES)} (default: all)")
    add_options(parser, inherited=True)
    parser.add_argument(
        "--replicas",
        action="append",
        default=[],
        type=_replicas,
        metavar="SERVICE=NUMBER",
        help="processes of a service, for the number of connections to PostgreSQL (default: 1 each); may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per finding: level, service, subject, text, remedy")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, and print. Exit status: 0, 1 if there is a problem, 2 if settings are invalid."""
    if unknown := [name for name in options.services if name not in SERVICES]:
        print(f"there is no service {unknown[0]}; the services are {', '.join(SERVICES)}", file=sys.stderr)
        return 2
    # It warns of how NATS ends a connection with TLS.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    source = source_of(options)
    if not source.per_service and not options.services:
        print("Name the service whose settings are in the environment (`check tasks`), or name --installation or --stack.", file=sys.stderr)
        return 2
    services = options.services or list(SERVICES)
    redacted = Redaction([*source.environments.values(), {"DARKROOM_NATS_URL": source.nats_url}])
    found = asyncio.run(_found(source, services, dict(options.replicas), whole=not options.services))
    findings = [replace(one, text=redacted(one.text), remedy=redacted(one.remedy)) for one in found]
    for finding in findings:
        print(json.dumps(finding.as_json(), ensure_ascii=False) if options.json else line(finding))
    problems = [one for one in findings if one.level is Level.PROBLEM]
    if not options.json:
        warnings = sum(one.level is Level.WARNING for one in findings)
        print(f"\n{_count(len(problems), 'problem')}, {_count(warnings, 'warning')}, {len(findings) - len(problems) - warnings} ok")
    return 2 if any(one.subject == SETTINGS for one in problems) else 1 if problems else 0


def line(finding: Finding) -> str:
    """A finding for people."""
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    return f"{finding.level.value:<8} {finding.service or '-':<10} {finding.subject:<12} {finding.text}{remedy}"


async def _found(source: Source, services: Sequence[str], replicas: Mapping[str, int], *, whole: bool) -> list[Finding]:
    each, edge, room = await asyncio.gather(
        asyncio.gather(*(_of_service(name, source.of(name)) for name in services)),
        check_edge(source.public_url, on_this_machine=source.on_this_machine) if whole and source.public_url else _nothing(),
        check_jetstream(source.nats_url, source.tls) if whole and source.nats_url else _nothing(),
    )
    found = [*_misspelt(source), *check_modes(source.private_files())]
    found += [finding for findings, _ in each for finding in findings]
    databases = {name: facts for name, (_, facts) in zip(services, each, strict=True) if facts}
    return [*found, *_compared(databases, replicas), *room, *edge]


async def _of_service(service: str, environment: Mapping[str, str]) -> tuple[list[Finding], dict[str, Any] | None]:
    """In a process of its own, since a service's settings are its process's environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.admin.checks",
        service,
        cwd=REPOSITORY,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return [problem("check", f"no result within {_MOST_SECONDS:.0f} s", "try again with this service alone").of(service)], None
    try:
        outcome = json.loads(output)
    except ValueError:
        last = (errors.decode(errors="replace").strip().splitlines() or ["no output"])[-1]
        return [problem("check", f"the check itself failed: {last}", "please report this").of(service)], None
    return [Finding(**{**one, "level": Level(one["level"])}) for one in outcome["findings"]], outcome["database"]


def _compared(databases: Mapping[str, Mapping[str, Any]], replicas: Mapping[str, int]) -> Iterator[Finding]:
    """Problems that only show when services are compared."""
    owners: dict[tuple[str, str], str] = {}
    for service, facts in databases.items():
        other = owners.setdefault((facts["server"], facts["database"]), service)
        if other != service:
            text = f"{service} and {other} have the same database, {facts['database']}"
            yield problem("PostgreSQL", text, "give each its own database in DARKROOM_DATABASE_URL")
    for server in dict.fromkeys(facts["server"] for facts in databases.values()):
        users = {service: facts for service, facts in databases.items() if facts["server"] == server}
        wanted = sum(facts["pool"] * replicas.get(service, 1) for service, facts in users.items())
        most = next(iter(users.values()))["connections"]
        if wanted > most * _SHARE:
            text = f"{', '.join(users)} may open {wanted} connections, and {server} has {most}"
            yield warning("PostgreSQL", text, "raise max_connections, lower DARKROOM_DATABASE_POOL, or put a pooler in between")


def _misspelt(source: Source) -> Iterator[Finding]:
    """Settings in the operator's file that no part has."""
    known = {name for service in SERVICES for name in known_settings(service)}
    known |= {f"DARKROOM_{name}".upper() for name in EdgeSettings.model_fields}
    for name in source.setting_names:
        if name not in known:
            like = difflib.get_close_matches(name, known, 1)
            remedy = f"is {like[0]} meant?" if like else "remove it, or correct its name"
            yield warning(SETTINGS, f"{name} in {source.description} is not a setting", remedy)


def _replicas(text: str) -> tuple[str, int]:
    service, _, number = text.partition("=")
    if service not in SERVICES or not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError("must be SERVICE=NUMBER")
    return service, int(number)


async def _nothing() -> list[Finding]:
    return []


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
