"""What whoever starts a worker is told about its processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.gpus import Gpu, gpus
from deploy.local.settings import Settings
from deploy.worker.machine import advice

A4000 = Gpu("NVIDIA RTX A4000", 580, 8.6, 16376)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "models" / "isnet").mkdir(parents=True)
    (tmp_path / "models" / "isnet" / "config.pbtxt").write_text("instance_group [{ kind: KIND_CPU }]")
    return tmp_path / "models"


def _driver(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == ()
    assert advice(gpus(), repository) == ["No GPU was found: the models run on the CPU."]


def test_a_driver_that_fails_has_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _driver(tmp_path, monkeypatch, "echo 'has failed because it could not communicate'; exit 9")
    assert gpus() == ()


def test_models_for_the_processor_beside_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    _driver(tmp_path, monkeypatch, "echo 'NVIDIA RTX A4000, 580.82.07, 8.6, 16376 MiB'")
    assert gpus() == [A4000]
    said = advice(gpus(), repository)
    assert "NVIDIA RTX A4000, and models for the CPU. `make worker GPU=1`" in said[0]
    assert f"models install --platform cuda --dest {repository}" in said[1]
    assert advice(gpus(), Settings.models) in ([said[0]], ["The models run on NVIDIA RTX A4000."])


def test_models_for_the_gpu(repository: Path) -> None:
    (repository / "isnet" / "config.pbtxt").write_text("instance_group [{ kind: KIND_GPU }]")
    assert advice([A4000, A4000], repository) == ["The models run on NVIDIA RTX A4000, NVIDIA RTX A4000."]
