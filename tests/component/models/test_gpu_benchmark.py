"""The script that measures models on a GPU runs on a machine without one, too, and says so."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu import hardware, load
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.comparison import crossing
from deploy.local.scratch.triton import install, running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("gpu") / "models", "--set", "tiny")


@pytest.mark.thorough
def test_its_page_has_a_row_for_each_number_of_callers_and_compares_results(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nvidia-smi may be there where tests run; this is about a machine without.
    monkeypatch.setattr(shutil, "which", lambda _command: None)
    out = tmp_path / "page.md"
    with running(repository, tmp_path / "triton.log") as server:
        main(
            [
                "--triton",
                server.address,
                "--exact",
                str(repository),
                "--models",
                "isnet",
                "ppocr_rec",
                "--minutes",
                "0.01",
                "--out",
                str(out),
            ]
        )
    page = out.read_text()
    assert "no GPU: nvidia-smi is missing" in page
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")]
    loads = [row for row in rows if len(row) == len(load.COLUMNS) and row[0] == "`isnet`"]
    assert [row[2] for row in loads] == ["1", "4", "16"]
    assert all(float(row[3].split()[0]) > 0 and row[3].endswith("cut-outs") for row in loads)
    assert loads[0][1].endswith("(1)")
    (whole,) = [row for row in rows if len(row) == 3 and row[0].isdecimal()]
    assert float(whole[1]) > 0
    assert float(whole[2]) > 0
    # The same network on the same processor: no difference.
    assert rows[-1] == ["`isnet`", "0.000", "0", "0", "–"]


def test_maps_are_judged_by_the_pixels_that_cross_the_threshold() -> None:
    exact = np.zeros((1, 10, 10, 1), np.uint8)
    exact[0, :, :5] = 200
    other = exact.copy()
    other[0, 0, 0], other[0, 1, 1], other[0, 9, 9] = 100, 60, 90
    assert crossing(other, exact) == "4.00%"
    # As a map that is nearly empty, whose mean is close to the right one.
    assert crossing(np.zeros_like(exact), exact) == "100.00%"


async def test_what_nvidia_smi_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # As with MIG.
    monkeypatch.setattr(hardware, "_query", lambda _fields: [["[N/A]", "512"], ["[N/A]", "1024"]])
    async with hardware.watch() as seen:
        while not seen.megabytes:
            await asyncio.sleep(0.01)
    assert (seen.share, seen.memory) == ("–", "1,536 MiB")


@pytest.mark.thorough
def test_a_server_without_the_models_is_told(repository: Path, tmp_path: Path) -> None:
    with running(repository, tmp_path / "triton.log") as server, pytest.raises(SystemExit, match="has none of these models: birefnet"):
        main(["--triton", server.address, "--models", "birefnet", "--out", str(tmp_path / "page.md")])
