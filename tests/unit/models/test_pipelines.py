"""Diffusion pipelines in the catalogue and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.__main__ import main
from models.catalogue import load_catalogue


def test_the_default_pipeline_states_its_licence_and_is_in_no_set() -> None:
    catalogue = load_catalogue()
    assert catalogue.pipelines["z_image_turbo"].licence.spdx == "Apache-2.0"
    assert "z_image_turbo" not in {**catalogue.select("default"), **catalogue.select("full")}


def test_what_cannot_be_installed_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refusal(*arguments: str) -> str:
        assert main(["install-pipeline", *arguments, "--dest", str(tmp_path / "repository"), "--venv", str(tmp_path)]) == 1
        return capsys.readouterr().err

    assert "no pipeline 'other'; there are z_image_turbo" in refusal("other", "--weights", str(tmp_path))
    assert "no model_index.json" in refusal("z_image_turbo", "--weights", str(tmp_path))
    (tmp_path / "model_index.json").touch()
    assert "run `make diffusion`" in refusal("z_image_turbo", "--weights", str(tmp_path))
    assert not (tmp_path / "repository").exists()


def test_the_list_has_pipelines_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "z_image_turbo").mkdir()
    (tmp_path / "z_image_turbo" / "config.pbtxt").touch()
    assert main(["list", "--dest", str(tmp_path)]) == 0
    [line] = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("z_image_turbo")]
    assert line[:4] == ["z_image_turbo", "1", "Apache-2.0", "yes"]
