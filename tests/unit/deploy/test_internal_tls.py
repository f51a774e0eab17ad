"""What a stack with mutual TLS makes for its parts."""

from __future__ import annotations

import datetime
import json
import stat
from pathlib import Path

import pytest
from cryptography import x509

from deploy.local import certificates
from deploy.local.assembly import create_stack, open_stack
from deploy.local.certificates import certificate_folder, create_certificates
from deploy.local.layout import Layout
from deploy.local.programs.services import address, service_environment
from services.platform.tls import FILES


def layout_of(folder: Path) -> Layout:
    layout = Layout.at(folder)
    layout.create()
    return layout


def read(layout: Layout, part: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((certificate_folder(layout, part) / "tls.crt").read_bytes())


def test_a_certificate_names_its_part_and_is_of_the_stacks_authority(tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    create_certificates(layout, ["files", "tasks"])
    authority = x509.load_pem_x509_certificate((layout.keys / "tls" / "ca.crt").read_bytes())
    for part in ("files", "tasks"):
        certificate = read(layout, part)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [part]
        assert {stat.S_IMODE((certificate_folder(layout, part) / name).stat().st_mode) for name in FILES} == {0o600}


def test_certificates_are_kept_until_their_last_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = layout_of(tmp_path)
    monkeypatch.setattr(certificates, "_VALID", datetime.timedelta(days=366))
    create_certificates(layout, ["files"])
    before = read(layout, "files")
    create_certificates(layout, ["files", "tasks"])
    assert read(layout, "files") == before
    monkeypatch.setattr(certificates, "_LEFT", datetime.timedelta(days=367))
    create_certificates(layout, ["files"])
    assert read(layout, "files") != before


def test_with_it_services_listen_on_ports_that_are_remembered(tmp_path: Path) -> None:
    without = create_stack(tmp_path, port=0).config
    assert address(without, "files").startswith("unix:")
    assert "DARKROOM_INTERNAL_TLS_DIR" not in service_environment(without, "files")
    assert without.nats_url.startswith("nats://")
    (tmp_path / "settings.env").write_text("DARKROOM_INTERNAL_TLS=true\n")
    made = create_stack(tmp_path).config
    assert address(made, "files") == f"127.0.0.1:{made.listeners['files']}"
    assert service_environment(made, "files")["DARKROOM_INTERNAL_TLS_DIR"] == str(tmp_path / "keys" / "tls" / "files")
    assert made.nats_url.startswith("tls://")
    assert open_stack(tmp_path).config.listeners == create_stack(tmp_path).config.listeners == made.listeners
    # Versions without it read this file, and refuse what they do not know.
    assert not set(json.loads((tmp_path / "ports.json").read_text())) & set(made.listeners)
