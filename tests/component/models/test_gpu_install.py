"""What is installed for GPUs: valid networks, which onnxruntime loads, and which compute on a processor what those in float32 do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest

from deploy.local.scratch.triton import VENV
from models.archives import read_weights
from models.building import build_files
from models.catalogue import load_catalogue
from models.fetch import Fetcher
from models.install import Installer
from models.platforms import Platform
from models.repository import DARKROOM, Repository

CATALOGUE = load_catalogue()
PLATFORMS: tuple[Platform, ...] = ("cuda", "cuda-onnxruntime")
# Runs each pair of networks on one small picture, in the model server's environment, and prints by how many levels they differ on average.
COMPARE = """
import json, sys
import numpy as np
import onnxruntime

def run(file):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    shape = [size if isinstance(size, int) else 64 for size in session.get_inputs()[0].shape[1:]]
    y, x = np.mgrid[: shape[0], : shape[1]]
    picture = np.stack([127 + 100 * np.sin(x / 7 + plane) * np.cos(y / (9 + plane)) for plane in range(shape[2])], axis=-1)
    return session.run(None, {"image": picture.astype(np.uint8)[None]})[0].astype(int)

files = sys.argv[1:]
print(json.dumps([np.abs(run(file) - run(other)).mean() for file, other in zip(files[::2], files[1::2])]))
"""


def check(network: Path) -> None:
    """Raises if a network is not valid ONNX, or its shapes or types do not fit together."""
    model = onnx.load(network)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    onnx.checker.check_model(model, full_check=True)


def differences(pairs: Sequence[tuple[Path, Path]]) -> list[float]:
    command = [VENV / "bin" / "python", "-c", COMPARE, *(file for pair in pairs for file in pair)]
    found: list[float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def test_the_network_of_the_repository_is_valid_on_each_platform_and_computes_the_same(tmp_path: Path) -> None:
    name = "mark_paint"
    model = CATALOGUE.models[name]
    # It stays on the CPU, and is the one whose weights are here.
    model = model.model_copy(update={"serving": model.serving.model_copy(update={"cpu_only": False})})
    (source,) = model.sources
    weights = read_weights(Fetcher(tmp_path, print).fetch(CATALOGUE.archives[source.archive]), source)
    networks = {}
    for platform in ("cpu", *PLATFORMS):
        networks[platform] = tmp_path / f"{platform}.onnx"
        files = build_files(name, model, source, weights, platform, threads=1, instances=1)
        networks[platform].write_bytes(files["1/model.onnx"])

    for platform in PLATFORMS:
        check(networks[platform])
    assert networks["cuda"].read_bytes() == networks["cuda-onnxruntime"].read_bytes() != networks["cpu"].read_bytes()
    (difference,) = differences([(networks["cuda"], networks["cpu"])])
    assert difference < 0.1


@pytest.fixture(scope="module")
def fetcher(tmp_path_factory: pytest.TempPathFactory) -> Fetcher:
    return Fetcher(tmp_path_factory.mktemp("archives"), print)


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_default_set_is_installed_for_gpus(platform: Platform, fetcher: Fetcher, real_models: Path, tmp_path: Path) -> None:
    Installer(DARKROOM, CATALOGUE, Repository(tmp_path), fetcher, print, platform=platform, threads=1, instances=1).install("default")

    networks = {path.parts[-3]: path for path in sorted(tmp_path.glob("*/*/model.onnx"))}
    assert networks.keys() == CATALOGUE.select("default").keys()
    for network in networks.values():
        check(network)
    pairs = [(network, real_models / network.relative_to(tmp_path)) for network in networks.values()]
    assert {name: difference for name, difference in zip(networks, differences(pairs), strict=True) if difference > 0.1} == {}
