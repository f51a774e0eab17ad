"""NetworkPolicies allow the connections that the settings name, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from urllib.parse import urlsplit

import pytest

from deploy.installation import Installation
from deploy.service_settings import known_settings
from edge.topology import DATABASES, EDGE
from tests.unit.deploy.kubernetes.manifests import (
    FOLDER,
    OVERLAYS,
    WITH_REMOTE_WORKERS,
    Object,
    Workload,
    environment,
    matches,
    of_kind,
    overlay,
    program_of,
    workloads,
)

# From part, to part, port.
Connection = tuple[str, str, int]
PORTS = (4222, 5432, 6222, 7000, 7001, 7002, 8001, 8002, 8080, 8222, 8444, 9000, 9100, 9101, 9901)
INTERNET = {"files", "tasks", "inference"}
"""They fetch from URLs, deliver webhooks, and ask providers."""


@pytest.mark.parametrize("name", OVERLAYS)
def test_inside_it_is_those_that_the_settings_name(name: str, installation: Installation) -> None:
    objects = overlay(name)
    wanted = {(one, to, port) for one, to, port in _named(objects, installation) if to in _services(objects)}
    assert _allowed(objects) == wanted


@pytest.mark.parametrize("name", OVERLAYS)
def test_outside_it_is_what_lies_there(name: str, installation: Installation) -> None:
    objects = overlay(name)
    lies_there = {one for one, to, _ in _named(objects, installation) if to not in _services(objects)}
    assert {one for one, ports in _outward(objects) if ports != {53}} == INTERNET | lies_there


def test_a_private_network_is_not_the_internet() -> None:
    for policy in of_kind(overlay("laptop"), "NetworkPolicy"):
        for rule in policy["spec"].get("egress", ()):
            for peer in rule["to"]:
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                    assert "10.0.0.0/8" in peer["ipBlock"]["except"] and "169.254.0.0/16" in peer["ipBlock"]["except"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_from_outside_only_the_edge_is_reached(name: str) -> None:
    objects = overlay(name)
    open_to = {
        (workload.part, port)
        for workload, port in product(workloads(objects), PORTS)
        for rule in _rules(objects, workload, "ingress")
        if "from" not in rule and _has_port(rule, port)
    }
    assert open_to == {("envoy", 8080)} | ({("envoy", 8444)} if name == WITH_REMOTE_WORKERS else set())
    # From the namespaces of those that scrape and scale.
    others = {
        (workload.part, peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
        for workload in workloads(objects)
        for rule in _rules(objects, workload, "ingress")
        for peer in rule.get("from", ())
        if "namespaceSelector" in peer
    }
    assert {namespace for _, namespace in others} == (set() if name == "laptop" else {"monitoring", "keda"})
    assert {part for part, namespace in others if namespace == "keda"} <= {"tasks"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_not_allowed_is_denied(name: str) -> None:
    (deny,) = [one for one in of_kind(overlay(name), "NetworkPolicy") if one["spec"]["podSelector"] == {} and "egress" not in one["spec"]]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def _named(objects: Sequence[Object], installation: Installation) -> Iterator[Connection]:
    """What the addresses in settings and secrets name."""
    for workload in workloads(objects):
        for container in workload.containers:
            program = program_of(container)
            if program is None:
                continue
            values = environment(objects, container)
            for address in _addresses(program, values, installation):
                host, _, port = address.rpartition(":")
                if host not in ("127.0.0.1", "0.0.0.0"):
                    yield workload.part, host, int(port)
    # Also where there is one server, which may become three.
    yield "nats", "nats", 6222


def _addresses(program: str, values: dict[str, str], installation: Installation) -> Iterator[str]:
    if program == EDGE:
        named = ("DARKROOM_EDGE_ACCOUNTS", "DARKROOM_EDGE_FILES", "DARKROOM_EDGE_TASKS", "DARKROOM_EDGE_GATEWAY")
        yield from (values[name] for name in (*named, "DARKROOM_AUTHORIZATION_ADDRESS"))
        if "DARKROOM_EDGE_WORKER_LISTEN" in values:
            yield from (values[f"DARKROOM_{name}_ADDRESS"] for name in ("ACCOUNTS", "FILES", "TASKS"))
        yield _of_url(values["DARKROOM_S3_ENDPOINT"])
        return
    # Workers ask accounts only on machines that have joined (`membership_dir`).
    known = known_settings(program) - ({"DARKROOM_ACCOUNTS_ADDRESS"} if program == "inference" else set())
    yield from (value for name, value in values.items() if name in known and name.endswith("_ADDRESS"))
    nats = installation.secret(program, "nats-url") or ""
    yield _of_url(nats)
    if program in DATABASES:
        yield _of_database(values)
    # Whoever reads or writes what is stored, by presigned URLs or without.
    if "DARKROOM_S3_CA_FILE" in known:
        yield _of_url(values["DARKROOM_S3_ENDPOINT"])


def _of_url(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}"


def _of_database(values: dict[str, str]) -> str:
    # In the cluster in `laptop`, whose storage is there, too.
    return "postgres:5432" if values["DARKROOM_S3_ENDPOINT"].startswith("http://s3") else "db.example.com:5432"


def _services(objects: Sequence[Object]) -> set[str]:
    return {one["metadata"]["name"] for one in of_kind(objects, "Service")}


def _allowed(objects: Sequence[Object]) -> set[Connection]:
    """What both ends of a connection may do."""
    found = set()
    for one, other, port in product(workloads(objects), workloads(objects), PORTS):
        leaves = any(_picks(rule, "to", other, port) for rule in _rules(objects, one, "egress"))
        enters = any(_picks(rule, "from", one, port) for rule in _rules(objects, other, "ingress"))
        assert leaves <= enters or not _by_name(objects, one, other, port), (one.name, other.name, port)
        if leaves and enters and (one.part, other.part, port) != ("envoy", "envoy", 8080):
            found.add((one.part, other.part, port))
    return found


def _by_name(objects: Sequence[Object], one: Workload, other: Workload, port: int) -> bool:
    """Whether a rule of one end names the other by its labels: then the other end must have its counterpart."""
    return any(
        "podSelector" in peer and matches(peer["podSelector"], other.labels) and _has_port(rule, port)
        for rule in _rules(objects, one, "egress")
        for peer in rule["to"]
    )


def _outward(objects: Sequence[Object]) -> Iterator[tuple[str, set[int]]]:
    """Parts that may leave the cluster, and to which ports; none are all."""
    for workload in workloads(objects):
        for rule in _rules(objects, workload, "egress"):
            if any("ipBlock" in peer for peer in rule["to"]):
                yield workload.part, {port["port"] for port in rule.get("ports", ())}


def _rules(objects: Sequence[Object], workload: Workload, direction: str) -> Iterator[Object]:
    for policy in of_kind(objects, "NetworkPolicy"):
        if matches(policy["spec"]["podSelector"], workload.labels):
            assert direction not in policy["spec"] or direction.title() in policy["spec"]["policyTypes"], policy["metadata"]["name"]
            yield from policy["spec"].get(direction, ())


def _picks(rule: Object, end: str, workload: Workload, port: int) -> bool:
    peers = rule.get(end)
    picked = peers is None or any("podSelector" in peer and matches(peer["podSelector"], workload.labels) for peer in peers)
    return picked and _has_port(rule, port)


def _has_port(rule: Object, port: int) -> bool:
    return "ports" not in rule or port in [one["port"] for one in rule["ports"]]


def test_the_routes_of_nats_are_its_pods() -> None:
    (nats,) = [one for one in workloads(overlay("production")) if one.name == "StatefulSet/nats"]
    assert nats.made["spec"]["replicas"] == 3 and nats.made["spec"]["serviceName"] == "nats"
    routes = [line.strip().strip('"') for line in (FOLDER / "base" / "cluster.conf").read_text().splitlines() if "tls://" in line]
    assert routes == [f"tls://nats-{number}.nats:6222" for number in range(3)]
