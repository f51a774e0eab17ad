"""What the component `remote-workers` adds: a port of the edge, and services that let machines outside of the cluster join."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509

from deploy.installation import Installation
from edge.settings import EdgeSettings
from services.accounts.config import AccountsSettings, AdministrationSettings
from services.accounts.domain.worker_certificates import WorkerAuthority
from tests.unit.deploy.kubernetes.manifests import (
    WITH_REMOTE_WORKERS,
    Object,
    Workload,
    environment,
    named,
    of_kind,
    overlay,
    workloads,
)


def objects() -> Sequence[Object]:
    return overlay(WITH_REMOTE_WORKERS)


def workload(name: str) -> Workload:
    (found,) = [one for one in workloads(objects()) if one.name == name]
    return found


@pytest.fixture
def mounted(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `/etc/darkroom` of accounts is, and the environment of that container. The Secret has two files, as the page makes it."""
    darkroom = tmp_path / "etc" / "darkroom"
    darkroom.mkdir(parents=True)
    for name, source in {"secrets": installation.secrets("accounts"), "tls": installation.tls("accounts")}.items():
        (darkroom / name).symlink_to(source)
    (darkroom / "trusted-keys.json").symlink_to(installation.trusted_keys_file)
    (darkroom / "worker-authority").mkdir()
    for name in ("ca.crt", "ca.key"):
        (darkroom / "worker-authority" / name).symlink_to(installation.authority / name)
    (container,) = workload("Deployment/accounts").pod["containers"]
    for variable, value in environment(objects(), container).items():
        monkeypatch.setenv(variable, value.replace("/etc/darkroom", str(darkroom)))
    return darkroom


def test_accounts_can_sign_certificates_and_make_tokens(mounted: Path, installation: Installation) -> None:
    service, commands = AccountsSettings(), AdministrationSettings()
    assert service.worker_authority_dir == commands.worker_authority_dir == mounted / "worker-authority"
    assert WorkerAuthority(mounted / "worker-authority").pem == (installation.tls("accounts") / "ca.crt").read_text()
    # What `create-worker-token` asks for besides.
    assert commands.worker_address == "workers.example.com:8444"
    assert commands.public_url == "https://media.example.com"
    assert commands.signing_key_file == mounted / "secrets" / "signing-key.pem"


def test_the_key_of_the_authority_is_in_accounts_alone(secrets: dict[str, set[str]]) -> None:
    holders = {one.name for one in workloads(objects()) for volume in one.pod["volumes"] if "worker-authority" in str(volume)}
    assert holders == {"Deployment/accounts"}
    assert not any("ca.key" in keys for keys in secrets.values())


def test_the_edge_passes_tls_on_by_names_that_certificates_have(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    envoy = workload("Deployment/envoy")
    (configuration,) = envoy.pod["initContainers"]
    for variable, value in environment(objects(), configuration).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("DARKROOM_INTERNAL_TLS_DIR", str(installation.tls("envoy")))
    settings = EdgeSettings(out=tmp_path)
    assert settings.edge_worker_listen == f"0.0.0.0:{envoy.ports['workers']}"
    # And to no NATS.
    assert {name: str(environment(objects(), configuration)[f"DARKROOM_{name.upper()}_ADDRESS"]) for name in settings.worker_targets} == {
        name: f"{name}:7001" for name in ("accounts", "files", "tasks")
    }
    for name in settings.worker_targets:
        certificate = x509.load_pem_x509_certificate((installation.tls(name) / "tls.crt").read_bytes())
        assert name in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_the_port_is_open_to_the_outside_also_behind_an_ingress() -> None:
    service = named(objects(), "Service", "envoy-workers")
    assert service["spec"]["type"] == "LoadBalancer"
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [(8444, "workers")]
    assert of_kind(objects(), "Ingress")
