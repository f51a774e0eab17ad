"""npm packages are pinned by version and hash, without a lock file."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path

import pytest

from models.errors import FetchError
from models.npm import install

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def integrity(tmp_path: Path) -> str:
    """That of a package in an archive beside `package.json`."""
    content = json.dumps({"name": "one", "version": "1.2.3"}).encode()
    with tarfile.open(tmp_path / "one.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return f"sha512-{b64encode(sha512((tmp_path / 'one.tgz').read_bytes()).digest()).decode()}"


def _pinned(folder: Path, integrity: dict[str, str]) -> None:
    (folder / "package.json").write_text(json.dumps({"dependencies": {"one": "file:one.tgz"}, "integrity": integrity}))


def test_what_is_pinned_is_installed_and_no_lock_file_written(tmp_path: Path, integrity: str) -> None:
    _pinned(tmp_path, {"one@1.2.3": integrity, "one-for-another-platform@1.2.3": "sha512-"})
    install(tmp_path, "--cache", str(tmp_path / "cache"))
    assert json.loads((tmp_path / "node_modules" / "one" / "package.json").read_text())["version"] == "1.2.3"
    assert not (tmp_path / "package-lock.json").exists()


@pytest.mark.parametrize(
    ("pinned", "problem"),
    [
        ({"one@1.2.3": "sha512-other"}, "its hash is .*expects sha512-other"),
        ({"one@1.2.4": "sha512-"}, "no hash is pinned"),
    ],
)
def test_a_package_that_is_not_pinned_by_its_hash_is_refused(tmp_path: Path, integrity: str, pinned: dict[str, str], problem: str) -> None:
    assert integrity
    _pinned(tmp_path, pinned)
    with pytest.raises(FetchError, match=problem):
        install(tmp_path, "--cache", str(tmp_path / "cache"))


def test_the_repository_has_no_lock_files() -> None:
    names = (
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "uv.lock",
        "poetry.lock",
        "Pipfile.lock",
        "pylock.toml",
    )
    listed = subprocess.run(
        ["git", "ls-files", "--", *(f":(glob)**/{name}" for name in names)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout == ""
