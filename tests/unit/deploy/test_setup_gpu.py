"""deploy/setup.py finds a GPU by itself, and keeps what was chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import setup

Driver = Callable[[str], None]
H100 = "echo 'NVIDIA H100 80GB HBM3, 580.82.07, 9.0, 81559 MiB'"


@pytest.fixture(autouse=True)
def choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setup, "CHOICE", tmp_path / "gpu")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "gpu"


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    def put(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


def test_a_gpu_is_found_and_said_once(driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
    driver(H100)
    assert setup._platform(None, look=True) == "cuda"
    assert capsys.readouterr().out == "GPU: NVIDIA H100 80GB HBM3: the model server uses it; GPU=0 does not\n"

    # The driver is not even asked again.
    driver("exit 9")
    assert setup._platform(None, look=True) == "cuda"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("script", ["", "echo 'No devices were found'", "echo 'has failed because it could not communicate'; exit 9"])
def test_without_a_gpu_nothing_is_chosen_and_it_is_looked_for_again(driver: Driver, script: str) -> None:
    assert setup._platform(None, look=True) is None
    driver(script)
    assert setup._platform(None, look=True) is None
    driver(H100)
    assert setup._platform(None, look=True) == "cuda"


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ("NVIDIA L4, 550.54.15, 8.9, 23034 MiB", "its driver is 550"),
        ("NVIDIA GeForce GTX 1080, 580.82.07, 6.1, 8192 MiB", "its compute capability is 6.1"),
        ("NVIDIA T400 4GB, 580.82.07, 7.5, 4096 MiB", "it has 4096 MiB"),
    ],
)
def test_a_gpu_that_cannot_run_the_models_is_named_and_used_only_when_asked_for(
    driver: Driver, capsys: pytest.CaptureFixture[str], listed: str, reason: str
) -> None:
    driver(f"echo '{listed}'")
    assert setup._platform(None, look=True) is None
    said = capsys.readouterr().out
    assert said.startswith(f"GPU: {listed.partition(',')[0]}: {reason}")
    assert "the model server uses the processor; GPU=1 tries the GPU" in said
    assert setup._platform("1", look=True) == "cuda"
    assert reason in capsys.readouterr().out


def test_developers_get_a_gpu_only_when_they_ask_for_it(driver: Driver) -> None:
    driver(H100)
    assert setup._platform(None, look=False) is None
    assert setup._platform("1", look=False) == "cuda"
    assert setup._platform(None, look=False) == "cuda"


def test_a_choice_stays_until_another_is_made(driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
    driver(H100)
    assert setup._platform("0", look=True) == "cpu"
    assert setup._platform(None, look=True) == "cpu"
    assert capsys.readouterr().out == ""
    assert setup._platform("1", look=True) == "cuda"
    assert "the model server uses it" in capsys.readouterr().out
    assert setup._platform("0", look=True) == "cpu"


def test_a_gpu_that_does_not_answer_may_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert setup._platform("1", look=True) == "cuda"
    assert "nvidia-smi lists none" in capsys.readouterr().out


def test_another_word_is_refused() -> None:
    with pytest.raises(setup.SetupError, match="GPU=1 and GPU=0 are known, and not GPU=yes"):
        setup._platform("yes", look=True)


def test_the_choice_decides_what_is_installed(choice: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[tuple[object, ...]] = []
    monkeypatch.setattr(setup, "_step", lambda _name, action, inputs, _result: run.append((action(), choice in inputs)))
    monkeypatch.setattr(setup, "_run", lambda *command, **_environment: command[-1])
    monkeypatch.setattr(setup, "_npm", dict)
    for platform in ("cuda", "cpu", None):
        setup._models(platform)
    assert run == [("--platform=cuda", True), ("--platform=cpu", True), ("install", True)]


def test_the_libraries_for_a_gpu_are_those_of_the_processor_and_cuda_s() -> None:
    """One release of onnxruntime, and one of everything else."""

    def locked(name: str) -> dict[str, str]:
        lines = (setup.REQUIREMENTS / name).read_text().splitlines()
        return dict(line.removesuffix(" \\").split("==") for line in lines if "==" in line and not line.startswith((" ", "#")))

    for_cpu, for_gpu = locked("triton.txt"), locked("triton-gpu.txt")
    for_gpu = {name.replace("onnxruntime-gpu", "onnxruntime"): version for name, version in for_gpu.items()}
    assert for_cpu.items() <= for_gpu.items()
    assert {name for name in for_gpu.keys() - for_cpu.keys() if not name.startswith("nvidia-")} == set()
