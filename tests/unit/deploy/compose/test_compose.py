"""The composition of one host: what every part in it keeps to, and that its parts fit together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from deploy.installation import Installation, create
from deploy.installation.folder import MOUNTED, addresses
from deploy.local.layout import REPOSITORY
from deploy.local.programs.object_storage import PLACEHOLDER
from deploy.service_settings import known_settings
from edge.render import arguments
from edge.settings import EdgeSettings
from edge.topology import EDGE, SERVICES

FOLDER = REPOSITORY / "deploy" / "compose"
INSTALLED = "${DARKROOM_INSTALLATION:-./installation}"
COMPOSED: Mapping[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
PARTS: Mapping[str, Mapping[str, Any]] = COMPOSED["services"]
PINNED = re.compile(r"\S+:\S*\d+\.\d+\S*")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return create(tmp_path_factory.mktemp("composed") / "installation", public_url="http://127.0.0.1:8080")


def mounts(part: str) -> dict[str, str]:
    """What is mounted, by where."""
    found = [volume.removesuffix(":ro").rpartition(":") for volume in PARTS[part].get("volumes", [])]
    return {target: source for source, _, target in found}


def environment(part: str, installation: Installation) -> dict[str, str]:
    settings = installation.settings if "env_file" in PARTS[part] else {}
    return {**settings, **PARTS[part].get("environment", {})}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_can_do_no_more_than_it_needs(part: str) -> None:
    declared = PARTS[part]
    assert PINNED.fullmatch(re.sub(r"\$\{DARKROOM_VERSION:-([^}]*)\}", r"\1", declared["image"]))
    assert "latest" not in declared["image"]
    assert declared["user"] == "10001:10001"
    assert declared["read_only"] is True
    assert declared["cap_drop"] == ["ALL"]
    assert declared["security_opt"] == ["no-new-privileges:true"]
    assert declared["mem_limit"]
    assert declared["pids_limit"]
    assert declared["logging"] == {"driver": "json-file", "options": {"max-size": "20m", "max-file": "3"}}
    assert not {"privileged", "cap_add", "network_mode"} & {name for name in declared if declared[name] != "none"}


def test_only_the_edge_is_published() -> None:
    assert [part for part in PARTS if "ports" in PARTS[part]] == [EDGE]
    assert PARTS[EDGE]["ports"] == ["${DARKROOM_LISTEN:-127.0.0.1:8080}:8080"]
    assert COMPOSED["networks"] == {"front": {"internal": True}, "back": {"internal": True}, "outside": {}}
    reaching_out = {part for part in PARTS if "outside" in PARTS[part].get("networks", ())}
    # Files of URLs, webhooks, providers.
    assert reaching_out == {EDGE, "files", "tasks", "inference"}


@pytest.mark.parametrize("part", [part for part in PARTS if PARTS[part]["restart"] != "no" and part != EDGE])
def test_a_part_that_stays_says_how_it_is(part: str) -> None:
    assert PARTS[part]["healthcheck"]["test"][0] == "CMD"
    assert PARTS[part]["restart"] == "unless-stopped"


def test_nothing_waits_for_what_may_not_be_there() -> None:
    for part, declared in PARTS.items():
        for other, how in declared.get("depends_on", {}).items():
            assert "profiles" not in PARTS[other], f"{part} waits for {other}"
            stays = PARTS[other]["restart"] != "no"
            assert how["condition"] == ("service_healthy" if stays else "service_completed_successfully")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_what_it_knows_and_needs(service: str, installation: Installation) -> None:
    own = PARTS[service]["environment"]
    assert own.keys() <= known_settings(service)
    files = installation.service_environment(service, MOUNTED)
    assert {name: value for name, value in own.items() if value.startswith(str(MOUNTED))} == files
    assert {(name, value) for name, value in own.items() if name.endswith("_ADDRESS")} <= addresses().items()
    assert own["DARKROOM_METRICS_LISTEN"].endswith(":9100")
    assert own.get("DARKROOM_LISTEN", "0.0.0.0:7000").endswith(":7000")
    assert own["DARKROOM_INTERNAL_LISTEN"].endswith(":7001")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_settings_that_it_cannot_do_without(
    service: str, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy.service_settings import settings_classes

    for name in [name for name in os.environ if name.startswith("DARKROOM_")]:
        monkeypatch.delenv(name)
    for name, value in environment(service, installation).items():
        here = value.replace(str(MOUNTED / "secrets"), str(installation.secrets(service))).replace(
            str(MOUNTED / "tls"), str(installation.tls(service))
        )
        monkeypatch.setenv(name, here.replace(str(MOUNTED), str(installation.folder)))
    for settings in settings_classes(service):
        if settings.__name__ == f"{service.capitalize()}Settings":
            settings()
            break
    else:
        pytest.fail(f"{service} has no settings")


@pytest.mark.parametrize("part", [part for part in PARTS if part != "admin"])
def test_a_part_gets_its_own_secrets_and_no_other(part: str, installation: Installation) -> None:
    for target, source in mounts(part).items():
        if not source.startswith(INSTALLED):
            assert source.startswith("./") or source in COMPOSED["volumes"]
            continue
        path = source.removeprefix(f"{INSTALLED}/")
        assert (installation.folder / path).exists(), path
        folder, _, rest = path.partition("/")
        whose = {"edge-config": EDGE, "triton-cpu": "triton", "triton-gpu": "triton"}.get(part, part)
        if folder in ("secrets", "tls") and part != "migrate":
            assert rest.split("/")[0] == whose
        if part == "migrate":
            assert folder != "tls"
            assert folder != "secrets" or rest.endswith("/database-url")
        assert f"{target}:ro" in " ".join(PARTS[part]["volumes"])


def test_nobody_sees_the_key_of_the_authority() -> None:
    assert "/installation/tls/authority" in PARTS["admin"]["tmpfs"]
    assert not any("tls/authority" in source for part in PARTS for source in mounts(part).values())


def test_volumes_get_their_owner_first() -> None:
    given = set(mounts("volumes").values())
    for part in PARTS:
        for target, source in mounts(part).items():
            if source in COMPOSED["volumes"] and source != "disk" and part != "volumes":
                assert source in given
                below = {part, *PARTS[part].get("depends_on", {})}
                waits = below | {deep for one in below for deep in PARTS[one].get("depends_on", {})}
                assert "volumes" in waits, part
                assert target.startswith("/var/lib/")
    dockerfile = (REPOSITORY / "deploy" / "images" / "services.Dockerfile").read_text()
    assert all(f" {target}" in dockerfile for target in mounts("volumes"))


def test_the_edge_is_configured_for_where_it_is(installation: Installation) -> None:
    told = {name.removeprefix("DARKROOM_").lower(): value for name, value in environment("edge-config", installation).items()}
    assert set(told) <= set(EdgeSettings.model_fields) | {"s3_region"}
    told["internal_tls_dir"] = str(installation.tls(EDGE))
    settings = EdgeSettings.model_validate(told)
    assert mounts(EDGE)["/var/lib/darkroom/edge"] == mounts("edge-config")[str(settings.out)] == "edge"
    assert PARTS[EDGE]["entrypoint"] == ["envoy", *arguments(settings.out / "envoy.json")]
    assert settings.edge_listen.endswith(":8080")
    assert settings.edge_metrics_listen == "0.0.0.0:9101"
    assert settings.authorization_address == "accounts:7002"
    assert {name: getattr(settings, f"edge_{name}") for name, one in SERVICES.items() if one.public} == {
        name: f"{name}:7000" for name, one in SERVICES.items() if one.public
    }


def test_the_bucket_is_made_with_its_placeholder() -> None:
    script = (FOLDER / "object-storage.sh").read_text()
    assert f': > "$bucket/{PLACEHOLDER}"' in script


@pytest.mark.cases(3)
@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose (Debian's package of that name)")
@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "tls.yaml")], ids="+".join)
@pytest.mark.parametrize("profile", ["cpu", "gpu", "tools"])
def test_compose_accepts_it(installation: Installation, files: tuple[str, ...], profile: str) -> None:
    variables = {"COMPOSE_PROFILES": profile, "DARKROOM_INSTALLATION": str(installation.folder), "DARKROOM_CERTIFICATE": "/certificate"}
    command = ["docker-compose", *(f"--file={FOLDER / name}" for name in files), "config"]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False, cwd=FOLDER)
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)
    assert {part for part in read["services"] if "profiles" not in read["services"][part]} >= {*SERVICES, EDGE, "nats", "postgres", "s3"}
    assert any("/etc/darkroom/public" in str(volume) for volume in read["services"][EDGE]["volumes"]) == ("tls.yaml" in files)
