"""Every overlay and every component renders into objects that Kubernetes, KEDA and the Prometheus operator take."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.kubernetes.monitoring import FOLDER as MONITORING
from deploy.kubernetes.monitoring import monitoring_files
from tests.unit.deploy.kubernetes.manifests import COMPONENTS, FOLDER, OVERLAYS, Object, of_kind, overlay, render_made

# The oldest with sidecars, and the newest that there are schemas for.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
# What their documentation says of the fields that are used; any other field fails.
CUSTOM = {
    (one["apiVersion"], one["kind"]): Draft202012Validator(one["schema"])
    for one in yaml.safe_load_all((Path(__file__).parent / "custom_kinds.yaml").read_text())
}


def assert_valid(objects: list[Object]) -> None:
    for one in objects:
        custom = CUSTOM.get((one["apiVersion"], one["kind"]))
        if custom is not None:
            custom.validate(one)
            continue
        _validate(json.dumps(one))


@cache
def _validate(text: str) -> None:
    """Once for each object, since most are in every rendering and the schemas are large."""
    for version in VERSIONS:
        kubernetes_validate.validate(json.loads(text), version, strict=True)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_valid(name: str) -> None:
    objects = list(overlay(name))
    assert_valid(objects)
    assert {one["metadata"].get("namespace", "darkroom") for one in objects} == {"darkroom"}
    # An object of another name or namespace would not be in anybody's rules.
    assert all("namespace" in one["metadata"] for one in objects if one["kind"] != "Namespace")


@pytest.mark.cases(3)
@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_on_its_own_is_valid(name: str) -> None:
    assert_valid(render_made(resources=["../../base"], components=[f"../../components/{name}"]))


def test_every_component_is_in_an_overlay_or_named_on_the_page() -> None:
    page = (FOLDER.parents[1] / "docs" / "operator" / "kubernetes.md").read_text()
    assert [name for name in COMPONENTS if f"`{name}`" not in page] == []


def test_what_prometheus_gets_is_what_deploy_prometheus_has() -> None:
    assert {name: (MONITORING / name).read_text() for name in monitoring_files()} == monitoring_files()
    (rules,) = of_kind(overlay("production"), "PrometheusRule")
    assert rules["spec"] == yaml.safe_load((FOLDER.parent / "prometheus" / "alerts.yml").read_text())


def test_an_unknown_field_is_refused() -> None:
    (scaled, *_) = of_kind(overlay("production"), "ScaledObject")
    assert not CUSTOM[scaled["apiVersion"], "ScaledObject"].is_valid({**scaled, "spec": {**scaled["spec"], "minReplicas": 1}})


def test_how_many_tasks_there_are_is_for_each_worker_and_how_long_one_has_waited_for_all() -> None:
    counted = {"tasksPerReplica": "AverageValue", "ageSeconds": "Value"}
    for scaled in of_kind(overlay("production"), "ScaledObject"):
        triggers = scaled["spec"]["triggers"]
        found = {target: one.get("metricType", "AverageValue") for one in triggers for target in counted if target in one["metadata"]}
        assert found == counted and len(triggers) == len(counted), scaled["metadata"]["name"]
        assert len({one["metadata"]["lanes"] for one in triggers}) == 1
