"""Repositories with a few of the models: Triton starts a process for each of them, which takes a third of a second of a core."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local.layout import REPOSITORY
from tests.unit.models.colouring_files import network

_CATALOGUE = """
[archives.mine]
kind = "file"
path = "colours.onnx"
sha256 = "{sha256}"

[models.ddcolor]
version = 1
summary = "Colours"
upstream = "https://example.org/colours"
licence = {{ spdx = "Apache-2.0", stated = "LICENSE" }}
sets = ["default"]
job = "colorize"
size = [512, 512]
subtract = [0.0, 0.0, 0.0]
divide = [255.0, 255.0, 255.0]

[models.ddcolor.serving]
max_batch_size = 1
preferred_batch_sizes = [1]
max_queue_delay_us = 0
warmup = [512, 512]

[[models.ddcolor.sources]]
archive = "mine"
format = "onnx"
input = "input"
output = "output"
files.onnx.sha256 = "{sha256}"
"""


def copy_models(source: Path, repository: Path, *names: str) -> Path:
    """Copies these models from one repository to another one, and returns the latter."""
    for name in names:
        shutil.copytree(source / name, repository / name)
    return repository


def install_colouring(repository: Path, folder: Path) -> None:
    """Install `ddcolor` as an operator does, from files made in `folder`: the lighter, the redder and the bluer."""
    content = network(batch=1)
    (folder / "colours.onnx").write_bytes(content)
    catalogue = folder / "my-models.toml"
    catalogue.write_text(_CATALOGUE.format(sha256=hashlib.sha256(content).hexdigest()))
    command = [sys.executable, "-m", "models", "install", f"--catalogue={catalogue}", f"--dest={repository}"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
