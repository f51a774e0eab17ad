"""The pods of every overlay: what they may do, what they need, and how they come and go."""

from __future__ import annotations

import re

import pytest
import yaml

from edge.topology import PUBLIC, SERVICES
from services.platform.config import ServiceSettings
from tests.unit.deploy.kubernetes.manifests import OVERLAYS, REPOSITORY, Object, Workload, matches, mounts, of_kind, overlay, workloads

# Their images' own users; all others are ours.
OTHER_USERS = {"postgres": 999}


@pytest.fixture(params=OVERLAYS)
def pods(request: pytest.FixtureRequest) -> list[Workload]:
    """Those of an overlay."""
    return workloads(overlay(request.param))


@pytest.fixture
def endless(pods: list[Workload]) -> list[Workload]:
    """Those that run until they are told to stop."""
    return [one for one in pods if one.endless]


def test_a_pod_may_do_no_more_than_it_must(pods: list[Workload]) -> None:
    for workload in pods:
        pod = workload.pod
        user = OTHER_USERS.get(workload.part, 10001)
        assert pod["automountServiceAccountToken"] is False
        # Their variables begin with the name of a Service, such as TASKS_PORT, and are for nobody.
        assert pod["enableServiceLinks"] is False
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == user
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in workload.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, container["name"]
        assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))


def test_a_container_says_what_it_needs(pods: list[Workload]) -> None:
    for workload in pods:
        for container in workload.containers:
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), container["name"]
            # No limit of processor time: it would make calls wait while the node has time to spare.
            assert "memory" in resources["limits"] and "cpu" not in resources["limits"], container["name"]
            assert _bytes(resources["requests"]["memory"]) <= _bytes(resources["limits"]["memory"]), container["name"]


def test_images_are_pinned(pods: list[Workload]) -> None:
    for workload in pods:
        for container in workload.containers:
            assert re.search(r":v?\d+(\.\d+)+(-[a-z0-9.]+)?$", container["image"]), container["image"]


def test_programs_of_others_have_the_versions_of_the_composition() -> None:
    # Envoy's there is the distroless one.
    composed = {
        service["image"].replace("distroless-", "")
        for service in yaml.safe_load((REPOSITORY / "deploy" / "compose" / "compose.yaml").read_text())["services"].values()
        if "darkroom-" not in service["image"]
    }
    images = {container["image"] for name in OVERLAYS for one in workloads(overlay(name)) for container in one.containers}
    assert {image for image in images if "darkroom-" not in image} == composed


def test_what_a_container_writes_to_is_bounded(pods: list[Workload]) -> None:
    for workload in pods:
        for container in workload.containers:
            for mount, volume in mounts(workload, container):
                if "emptyDir" in volume:
                    assert "sizeLimit" in volume["emptyDir"], volume
                elif "claim" not in volume:
                    assert mount.get("readOnly") is True, mount


def test_secrets_are_readable_for_the_group_of_the_pod_alone(pods: list[Workload]) -> None:
    for workload in pods:
        for volume in workload.pod["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440, volume


def test_a_container_has_probes(endless: list[Workload]) -> None:
    for workload in endless:
        for container in workload.running:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), container["name"]
            named = [
                container[probe]["httpGet"]["port"]
                for probe in ("startupProbe", "livenessProbe", "readinessProbe")
                if "httpGet" in container[probe]
            ]
            assert set(named) <= {port["name"] for port in container["ports"]}
            if workload.part in SERVICES and container["name"] == "service":
                assert [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")] == [
                    "/livez",
                    "/livez",
                    "/readyz",
                ]


def test_ports_are_those_of_every_installation(endless: list[Workload]) -> None:
    for workload in endless:
        internal = {"internal": 7001, "metrics": 9100}
        wanted: dict[str, dict[str, int]] = {
            **{name: internal | ({"public": 7000} if name in PUBLIC else {}) for name in SERVICES},
            "envoy": {"public": 8080, "metrics": 9101},
            "nats": {"clients": 4222, "cluster": 6222},
            "postgres": {"postgres": 5432},
            "s3": {"s3": 9000},
        }
        wanted["accounts"]["authorization"] = 7002
        if workload.made["metadata"]["name"] == "inference-neural":
            wanted["inference"] |= {"triton-grpc": 8001, "triton-metrics": 8002}
        # Where machines outside of the cluster may join.
        opened = {"workers": 8444} if "workers" in workload.ports and workload.part == "envoy" else {}
        assert workload.ports == wanted[workload.part] | opened


def test_a_roll_out_waits_for_as_long_as_a_pod_may_take_to_start(endless: list[Workload]) -> None:
    for workload in endless:
        if workload.made["kind"] == "Deployment":
            probes = [container["startupProbe"] for container in workload.running]
            assert workload.made["spec"].get("progressDeadlineSeconds", 600) > sum(
                one["periodSeconds"] * one["failureThreshold"] for one in probes
            )


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_has_replicas_is_spread_and_not_drained_at_once(name: str) -> None:
    budgets = of_kind(overlay(name), "PodDisruptionBudget")
    for workload in workloads(overlay(name)):
        if not workload.endless or workload.made["spec"].get("replicas") == 1:
            continue
        own = [one for one in budgets if matches(one["spec"]["selector"], workload.labels)]
        assert [one["spec"]["maxUnavailable"] for one in own] == [1], workload.name
        spread = workload.pod["topologySpreadConstraints"]
        assert {one["topologyKey"] for one in spread} <= {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        assert "topology.kubernetes.io/zone" in {one["topologyKey"] for one in spread}, workload.name
        assert all(matches(one["labelSelector"], workload.labels) for one in spread), workload.name


def test_three_zones_hold_a_replica_of_each_part() -> None:
    for workload in workloads(overlay("production")):
        if workload.endless and workload.part != "inference":
            zones = [one for one in workload.pod["topologySpreadConstraints"] if one["topologyKey"] == "topology.kubernetes.io/zone"]
            assert [one["whenUnsatisfiable"] for one in zones] == ["DoNotSchedule"], workload.name
            scaled = [one for one in of_kind(overlay("production"), "HorizontalPodAutoscaler") if one["metadata"]["name"] == workload.part]
            assert workload.made["spec"].get("replicas") == 3 or scaled[0]["spec"]["minReplicas"] == 3


@pytest.mark.parametrize("name", OVERLAYS)
def test_selectors_pick_their_own_pods_and_no_others(name: str) -> None:
    every = workloads(overlay(name))
    for workload in every:
        if workload.endless:
            selector = workload.made["spec"]["selector"]
            assert [one.name for one in every if matches(selector, one.labels)] == [workload.name]
    for service in of_kind(overlay(name), "Service"):
        picked = [one for one in every if matches({"matchLabels": service["spec"]["selector"]}, one.labels)]
        assert picked and all(one.endless for one in picked), service["metadata"]["name"]
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= {port for one in picked for port in one.ports}
    for budget in of_kind(overlay(name), "PodDisruptionBudget"):
        assert any(matches(budget["spec"]["selector"], one.labels) for one in every), budget["metadata"]["name"]
    for monitor in of_kind(overlay(name), "PodMonitor"):
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        picked = [one for one in every if matches(monitor["spec"]["selector"], one.labels)]
        assert picked and all(endpoint["port"] in one.ports for one in picked), monitor["metadata"]["name"]
    for scaled in of_kind(overlay(name), "ScaledObject", "HorizontalPodAutoscaler"):
        target = scaled["spec"]["scaleTargetRef"]["name"]
        (found,) = [one for one in every if one.name == f"Deployment/{target}"]
        # Or each `apply` would set what the other has decided.
        assert "replicas" not in found.made["spec"], found.name


def test_a_stopping_pod_has_time_for_what_it_does(endless: list[Workload]) -> None:
    for workload in endless:
        given = workload.pod["terminationGracePeriodSeconds"]
        for container in workload.pod["containers"]:
            if workload.part == "inference":
                assert given >= float(_variable(container, "DARKROOM_DRAIN_SECONDS")) + 20
            elif workload.part in SERVICES:
                notice, calls = (ServiceSettings.model_fields[name].default for name in ("drain_notice", "drain_calls"))
                # Two or three listeners, one after the other, and what is closed then.
                assert given >= notice + 3 * calls + 10


def _variable(container: Object, name: str) -> str:
    (found,) = [variable["value"] for variable in container["env"] if variable["name"] == name]
    return str(found)


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) << {"Mi": 20, "Gi": 30}[quantity[-2:]]
