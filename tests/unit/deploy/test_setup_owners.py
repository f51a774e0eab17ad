"""deploy/setup.py refuses an environment in which two packages own one file with different content."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy import setup


def install(venv: Path, package: str, files: dict[str, str]) -> None:
    folder = venv / "lib" / "python3.11" / "site-packages" / f"{package}.dist-info"
    folder.mkdir(parents=True)
    lines = [f'"{path}",sha256={digest},10' if digest else f"{path},," for path, digest in files.items()]
    (folder / "RECORD").write_text("".join(f"{line}\n" for line in [*lines, f"{package}.dist-info/RECORD,,"]))


def test_two_packages_with_different_content_under_one_name_are_named(tmp_path: Path) -> None:
    install(tmp_path, "common_protos-1.0", {"google/rpc/code_pb2.py": "aaa", "google/api/http_pb2.py": "bbb"})
    install(tmp_path, "xds_protos-2.0", {"google/rpc/code_pb2.py": "other", "google/api/http_pb2.py": "another"})
    install(tmp_path, "innocent-3.0", {"innocent.py": "ccc"})
    assert setup._clashes(tmp_path) == ["  common_protos-1.0 and xds_protos-2.0: 2 files, such as google/api/http_pb2.py"]


def test_one_content_under_one_name_is_no_clash(tmp_path: Path) -> None:
    install(tmp_path, "one-1.0", {"shared/__init__.py": "same", "a, b.py": "aaa"})
    install(tmp_path, "two-1.0", {"shared/__init__.py": "same", "two.py": "bbb"})
    assert setup._clashes(tmp_path) == []


def test_a_file_without_a_digest_is_no_clash(tmp_path: Path) -> None:
    install(tmp_path, "one-1.0", {"cache.pyc": ""})
    install(tmp_path, "two-1.0", {"cache.pyc": "aaa"})
    assert setup._clashes(tmp_path) == []


class Installer:
    """Stands in for uv: makes an environment, and installs what it is told to."""

    def __init__(self, packages: dict[str, dict[str, str]]) -> None:
        self.packages = packages

    def __call__(self, *command: str | Path, environment: dict[str, str] | None = None) -> str:
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        elif "sync" in command:
            venv = Path(command[command.index("--python") + 1]).parents[1]
            for package, files in self.packages.items():
                install(venv, package, files)
        return ""


def test_setup_fails_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "STAMPS", tmp_path)
    monkeypatch.setattr(setup, "_run", Installer({"one-1.0": {"shared.py": "aaa"}, "two-1.0": {"shared.py": "bbb"}}))
    with pytest.raises(setup.SetupError, match=r"one-1\.0 and two-1\.0: 1 files, such as shared\.py"):
        setup._install(tmp_path / "venv", "main.txt")
    assert not (tmp_path / "venv.whole").exists()


def test_an_environment_with_a_clash_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv = tmp_path / "venv"
    Installer({})("uv", "venv", venv)
    install(venv, "one-1.0", {"shared.py": "aaa"})
    install(venv, "two-1.0", {"shared.py": "bbb"})
    (tmp_path / "venv.whole").touch()
    monkeypatch.setattr(setup, "STAMPS", tmp_path)
    monkeypatch.setattr(setup, "_run", Installer({"three-1.0": {"three.py": "ccc"}}))
    setup._install(venv, "main.txt")
    assert [folder.name for folder in venv.glob("lib/python3.11/site-packages/*")] == ["three-1.0.dist-info"]
    assert (tmp_path / "venv.whole").exists()


def test_only_what_is_unused_and_for_other_versions_of_python_is_deleted(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    stubs, own = packages / "pytriton" / "tritonserver" / "python_backend_stubs", f"3.{sys.version_info[1]}"
    used = [packages / "botocore/data/s3/x", packages / "botocore/data/sts/x", packages / "botocore/data/endpoints.json"]
    used += [
        packages / "numpy/testing/x",
        stubs / own / "stub",
        packages / f"nvidia_pytriton.libs/libpython3-1.{sys.version_info[1]}.so.1.0",
    ]
    unused = [packages / "botocore/data/ec2/x", packages / "botocore/data/sqs/x", packages / "numpy/linalg/tests/x"]
    unused += [stubs / "3.1" / "stub", packages / "nvidia_pytriton.libs/libpython3-1.99.so.1.0"]
    for path in (*used, *unused):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    setup._prune(tmp_path)
    assert [path for path in (*used, *unused) if path.exists()] == used


@pytest.mark.parametrize("venv", [setup.VENV, setup.TRITON_VENV], ids=lambda venv: venv.name)
def test_what_is_installed_has_no_clash(venv: Path) -> None:
    assert list(venv.glob("lib/python*/site-packages/*.dist-info/RECORD"))
    assert setup._clashes(venv) == []
