"""An installation's secrets as objects of Kubernetes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.admin.commands import main
from deploy.installation import create
from deploy.installation.folder import CERTIFIED, OPERATOR
from edge.topology import SERVICES


@pytest.fixture
def objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    create(tmp_path, public_url="https://pictures.example")
    assert main(["kubernetes", str(tmp_path)]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    found = {one["metadata"]["name"]: one for one in printed}
    assert len(found) == len(printed)
    return found


def test_they_have_the_names_that_the_manifests_refer_to(objects: dict[str, dict[str, Any]]) -> None:
    secrets = {
        *(f"darkroom-tls-{part}" for part in CERTIFIED if part != OPERATOR),
        *(f"darkroom-{part}" for part in (*SERVICES, "nats", "postgres", "s3")),
    }
    assert set(objects) == secrets | {"darkroom-trusted-keys"}
    assert {name for name, one in objects.items() if one["kind"] == "Secret"} == secrets
    assert objects["darkroom-trusted-keys"]["kind"] == "ConfigMap"
    assert {one["metadata"]["namespace"] for one in objects.values()} == {"darkroom"}


def test_their_keys_are_the_names_of_the_files_and_hold_their_content(objects: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    assert set(objects["darkroom-tls-files"]["stringData"]) == {"ca.crt", "tls.crt", "tls.key"}
    assert set(objects["darkroom-tasks"]["stringData"]) == {"database-url", "nats-url", "signing-key.pem", "webhook-secrets.key"}
    assert set(objects["darkroom-files"]["stringData"]) >= {"s3-access-key", "s3-secret-key"}
    assert set(objects["darkroom-nats"]["stringData"]) == {"users.conf"}
    for service in SERVICES:
        for name, text in objects[f"darkroom-{service}"]["stringData"].items():
            assert text == (tmp_path / "secrets" / service / name).read_text()
    assert objects["darkroom-trusted-keys"]["data"]["trusted-keys.json"] == (tmp_path / "trusted-keys.json").read_text()


def test_what_no_part_needs_is_in_none(objects: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    printed = yaml.safe_dump_all(objects.values(), width=10_000)
    authority = (tmp_path / "tls" / "authority" / "ca.key").read_text().splitlines()[1]
    assert authority not in printed
    assert (tmp_path / "secrets" / "operator" / "nats-url").read_text() not in printed


def test_a_folder_that_is_no_installation_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kubernetes", str(tmp_path)]) == 2
    assert "is not an installation folder" in capsys.readouterr().err


def test_a_folder_that_lacks_a_part_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = create(tmp_path, public_url="https://pictures.example")
    shutil.rmtree(made.tls("keda"))
    assert main(["kubernetes", str(tmp_path)]) == 2
    assert f"there is no {made.tls('keda')}; `darkroom-admin create` adds" in capsys.readouterr().err
