"""The services can read the settings, secrets and certificates that the manifests give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.installation import Installation
from deploy.installation.folder import MOUNTED
from deploy.service_settings import known_settings, settings_classes
from edge.settings import EdgeSettings
from edge.topology import EDGE, SERVICES
from services.platform.config import ProcessSettings
from tests.unit.deploy.kubernetes.manifests import (
    OVERLAYS,
    Object,
    Workload,
    environment,
    mounts,
    named,
    of_kind,
    overlay,
    own_variables,
    program_of,
    workloads,
)

EDGES = frozenset(f"DARKROOM_{name}".upper() for name in EdgeSettings.model_fields)
# Made by the operator, where they are needed at all.
OPERATORS = {"darkroom-authorities", "darkroom-public-tls", "darkroom-models", "darkroom-worker-authority"}


def containers(name: str) -> list[tuple[Workload, Object]]:
    """Those of an overlay, and whose they are."""
    return [(workload, container) for workload in workloads(overlay(name)) for container in workload.containers]


def known(program: str) -> frozenset[str]:
    return EDGES if program == EDGE else known_settings(program)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_common_variable_is_a_setting_of_a_part(name: str) -> None:
    every = EDGES.union(*(known_settings(service) for service in SERVICES))
    assert set(named(overlay(name), "ConfigMap", "darkroom-settings")["data"]) - every == set()


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_variable_of_a_container_is_a_setting_of_its_program(name: str) -> None:
    for _, container in containers(name):
        program = program_of(container)
        if program is not None:
            assert set(own_variables(container)) - known(program) == set()


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_mounted_is_what_darkroom_admin_makes(name: str, secrets: dict[str, set[str]]) -> None:
    generated = {one["metadata"]["name"]: set(one["data"]) for one in of_kind(overlay(name), "ConfigMap")}
    for workload, container in containers(name):
        for mount, volume in mounts(workload, container):
            source = volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name")
            if source is None or source in OPERATORS:
                continue
            keys = {**secrets, **generated}[source]
            assert "subPath" not in mount or mount["subPath"] in keys, mount
        for variable in container.get("env", ()):
            for reference in variable.get("valueFrom", {}).values():
                if "key" in reference:
                    assert reference["key"] in {**secrets, **generated}[reference["name"]], variable


@pytest.mark.parametrize("name", OVERLAYS)
def test_settings_are_valid_and_their_files_are_there(
    name: str, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings classes read what a container would read, from an installation folder laid out as it would be mounted."""
    for number, (workload, container) in enumerate(containers(name)):
        program = program_of(container)
        if program is None:
            continue
        root = tmp_path / str(number)
        for mount, volume in mounts(workload, container):
            target = root / Path(mount["mountPath"]).relative_to("/")
            source = _source(installation, volume)
            if source is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source / mount["subPath"] if "subPath" in mount else source)
        with monkeypatch.context() as of_container:
            for variable, value in environment(overlay(name), container).items():
                inside = value.startswith("/etc/darkroom/") and variable.endswith(("_FILE", "_DIR"))
                if value:
                    of_container.setenv(variable, str(root / Path(value).relative_to("/")) if inside else value)
            if program == EDGE:
                assert EdgeSettings(out=root / "edge").internal_tls_dir is not None
            elif workload.part != "admin":
                of_service = f"services.{program}.config"
                made = [one() for one in settings_classes(program) if issubclass(one, ProcessSettings) and one.__module__ == of_service]
                assert [one.tls is not None for one in made] == [True]


@pytest.mark.parametrize("name", OVERLAYS)
def test_variables_say_where_secrets_are(name: str, installation: Installation) -> None:
    for _, container in containers(name):
        program = program_of(container)
        if program in SERVICES:
            wanted = installation.service_environment(program, MOUNTED)
            assert wanted.items() <= environment(overlay(name), container).items()


def _source(installation: Installation, volume: Object) -> Path | None:
    secret, config = volume.get("secret", {}).get("secretName", ""), volume.get("configMap", {}).get("name", "")
    if secret == "darkroom-worker-authority":
        return installation.authority
    if secret.startswith("darkroom-tls-"):
        return installation.tls(secret.removeprefix("darkroom-tls-"))
    if secret.startswith("darkroom-"):
        return installation.secrets(secret.removeprefix("darkroom-"))
    return installation.folder if config == "darkroom-trusted-keys" else None
