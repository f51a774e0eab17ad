"""The manifests as kubectl renders them, and what is read from them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.kubectl import fetch, kubectl
from edge.topology import EDGE, SERVICES

REPOSITORY = Path(__file__).resolve().parents[4]
FOLDER = REPOSITORY / "deploy" / "kubernetes"
OVERLAY_FOLDERS = tuple(sorted(path.name for path in (FOLDER / "overlays").iterdir()))
WITH_REMOTE_WORKERS = "production-with-remote-workers"
"""`production` and the component `remote-workers`, as an operator would add it."""
OVERLAYS = (*OVERLAY_FOLDERS, WITH_REMOTE_WORKERS)
COMPONENTS = tuple(sorted(path.name for path in (FOLDER / "components").iterdir()))

Object = Mapping[str, Any]
Labels = Mapping[str, str]


@cache
def _program() -> Path:
    try:
        return kubectl()
    except FileNotFoundError:
        fetch()
        return kubectl()


def render(folder: Path) -> list[Object]:
    """The objects of a kustomization."""
    done = subprocess.run([_program(), "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, yaml.CSafeLoader))


@cache
def overlay(name: str) -> Sequence[Object]:
    """The objects of an overlay."""
    if name == WITH_REMOTE_WORKERS:
        settings = {"name": "darkroom-settings", "behavior": "merge", "literals": ["DARKROOM_WORKER_ADDRESS=workers.example.com:8444"]}
        return tuple(
            render_made(resources=["../production"], components=["../../components/remote-workers"], configMapGenerator=[settings])
        )
    return tuple(render(FOLDER / "overlays" / name))


def render_made(**kustomization: object) -> list[Object]:
    """The objects of an overlay that no folder has."""
    with tempfile.TemporaryDirectory() as temporary:
        # A copy, since Kustomize follows relative paths only.
        shutil.copytree(FOLDER, Path(temporary) / "kubernetes")
        folder = Path(temporary) / "kubernetes" / "overlays" / "made"
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(yaml.safe_dump({"namespace": "darkroom", **kustomization}))
        return render(folder)


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Object]:
    """Those of some kinds."""
    return [one for one in objects if one["kind"] in kinds]


def named(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The one of that name. Generated names end with a digest."""
    (found,) = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name or one["metadata"]["name"].startswith(f"{name}-")]
    return found


@dataclass(frozen=True)
class Workload:
    """What runs pods."""

    made: Object

    @property
    def name(self) -> str:
        """Its kind and name."""
        return f"{self.made['kind']}/{self.made['metadata']['name']}"

    @property
    def template(self) -> Object:
        """Of its pods."""
        spec = self.made["spec"]
        return spec["jobTemplate"]["spec"]["template"] if self.made["kind"] == "CronJob" else spec["template"]

    @property
    def pod(self) -> Object:
        """What its pods are."""
        return self.template["spec"]

    @property
    def labels(self) -> Labels:
        """Of its pods."""
        return self.template["metadata"]["labels"]

    @property
    def part(self) -> str:
        """Which part of the platform it is."""
        return self.labels["app.kubernetes.io/name"]

    @property
    def endless(self) -> bool:
        """Whether its pods run until they are told to stop."""
        return self.made["kind"] in ("Deployment", "StatefulSet")

    @property
    def containers(self) -> list[Object]:
        """All of a pod: those that run on, sidecars among them, and those that run before them."""
        return [*self.pod.get("initContainers", ()), *self.pod["containers"]]

    @property
    def running(self) -> list[Object]:
        """Those that run on."""
        return [one for one in self.containers if one in self.pod["containers"] or one.get("restartPolicy") == "Always"]

    @property
    def ports(self) -> dict[str, int]:
        """By name."""
        return {port["name"]: port["containerPort"] for container in self.running for port in container.get("ports", ())}


def workloads(objects: Sequence[Object]) -> list[Workload]:
    """All of them."""
    return [Workload(one) for one in of_kind(objects, "Deployment", "StatefulSet", "Job", "CronJob")]


def program_of(container: Object) -> str | None:
    """Which of our programs runs in a container of our image: a service, or the edge's configuration; None in another image."""
    if not container["image"].split(":")[0].endswith("darkroom-services"):
        return None
    words = [*container.get("command", ()), *container.get("args", ())]
    if words[-1] == "edge-config":
        return EDGE
    (service,) = set(words) & set(SERVICES)
    return service


def environment(objects: Sequence[Object], container: Object) -> dict[str, str]:
    """The variables that a container is given; those that are read from elsewhere are empty."""
    values: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        values |= named(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return values | {variable["name"]: variable.get("value", "") for variable in container.get("env", ())}


def own_variables(container: Object) -> list[str]:
    """Those that its manifest names."""
    return [variable["name"] for variable in container.get("env", ())]


def mounts(workload: Workload, container: Object) -> Iterator[tuple[Object, Object]]:
    """Each mount, with its volume."""
    volumes = {volume["name"]: volume for volume in workload.pod.get("volumes", ())}
    claims = [one["metadata"]["name"] for one in workload.made["spec"].get("volumeClaimTemplates", ())]
    volumes |= {name: {"name": name, "claim": {}} for name in claims}
    for mount in container.get("volumeMounts", ()):
        yield mount, volumes[mount["name"]]


def matches(selector: Object, labels: Labels) -> bool:
    """Whether a label selector picks an object."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    rules = selector.get("matchExpressions", ())
    assert {rule["operator"] for rule in rules} <= {"In"}
    return all(labels.get(rule["key"]) in rule["values"] for rule in rules)
