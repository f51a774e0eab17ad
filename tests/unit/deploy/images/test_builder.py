"""How a builder is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.images import __main__ as command
from deploy.images.builder import Builder, BuildError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH, and nothing else there. Each program writes down what it is called with."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path


def install(folder: Path, name: str, *, works: bool = True) -> None:
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "{name} $*" >> "$CALLS"\nexit {0 if works else 1}\n')
    program.chmod(0o755)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_a_client_without_its_daemon_is_passed_over(programs: Path) -> None:
    install(programs, "docker", works=False)
    install(programs, "podman")
    assert command.main(["triton-gpu", "--registry", "registry.example/", "--version", "2.0"]) == 0
    built = calls(programs)[-1]
    assert built.startswith("podman build --file=")
    assert "--tag=registry.example/darkroom-triton:2.0-gpu --target=gpu" in built
    assert "--build-arg=PLATFORM=cuda-onnxruntime --build-arg=SET=gpu" in built
    assert "triton.Dockerfile.dockerignore" in built


def test_an_argument_of_the_caller_wins(programs: Path) -> None:
    install(programs, "docker")
    assert command.main(["triton-gpu", "--build-arg", "PLATFORM=cuda-tensorrt", "--python", "registry.example/python:3.11.9"]) == 0
    built = calls(programs)[-1]
    assert "PLATFORM=cuda-tensorrt" in built
    assert "cuda-onnxruntime" not in built
    assert "--build-arg=PYTHON=registry.example/python:3.11.9" in built


def test_an_argument_without_a_value_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["triton-gpu", "--build-arg", "SET"])
    assert "--build-arg: must be NAME=VALUE" in capsys.readouterr().err


def test_secrets_are_mounted_and_no_argument(programs: Path, tmp_path: Path) -> None:
    install(programs, "docker")
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://user:password@mirror.example/simple\n")
    assert command.main(["services", "--pip-conf", os.fspath(tmp_path / "pip.conf")]) == 0
    assert f"--secret=id=pip,src={tmp_path}/pip.conf" in calls(programs)[-1]
    assert "mirror.example" not in calls(programs)[-1]


def test_it_says_what_is_missing(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["services"]) == 1
    assert "no builder of docker, podman, buildah works here" in capsys.readouterr().err
    install(programs, "podman")
    assert command.main(["services", "--authorities", "/nowhere"]) == 1
    assert "/nowhere cannot be read" in capsys.readouterr().err
    assert command.main(["services", "--python", "debian", "--builder", "docker"]) == 1
    assert "docker does not work here" in capsys.readouterr().err


def test_a_build_that_fails_is_told(programs: Path) -> None:
    install(programs, "buildah", works=False)
    with pytest.raises(BuildError, match="`buildah bud` ended with status 1"):
        Builder("buildah").build(programs, programs / "x.Dockerfile", "x:1", target=None, arguments={}, secrets={})
