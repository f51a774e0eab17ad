"""`python -m deploy.images NAME…`: build images with the first of docker, podman and buildah that there is, from the repository root.

Standard library only: it needs Python 3.11, and no environment of this repository.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.images.builder import BUILDERS, Builder, BuildError, find_builder, make_base
from services.platform.version import version

_ROOT = Path(__file__).resolve().parents[2]
_FROM_DEBIAN = "debian"


@dataclass(frozen=True)
class Image:
    """One of the images that are built here."""

    name: str
    """The name of its repository, without a registry."""
    dockerfile: str
    """In deploy/images."""
    target: str | None = None
    """The stage of the file; the last one without it."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Build arguments that differ from the defaults in the file."""
    suffix: str = ""
    """The suffix of its tag, after the version."""


IMAGES: Mapping[str, Image] = {
    "services": Image("darkroom-services", "services.Dockerfile"),
    "triton-cpu": Image("darkroom-triton", "triton.Dockerfile", "cpu", suffix="-cpu"),
    "triton-gpu": Image("darkroom-triton", "triton.Dockerfile", "gpu", {"PLATFORM": "cuda-onnxruntime", "SET": "gpu"}, suffix="-gpu"),
}
"""By what the command calls them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build; the exit status is 1 when that fails."""
    options = _parser().parse_args(arguments)
    try:
        builder = find_builder(options.builder)
        settings = dict(options.build_arg)
        if options.python == _FROM_DEBIAN:
            settings["PYTHON"] = make_base(builder)
        elif options.python:
            settings["PYTHON"] = options.python
        for name in options.names:
            print(_build(builder, name, options, settings), flush=True)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _build(builder: Builder, name: str, options: argparse.Namespace, settings: dict[str, str]) -> str:
    """Build one image; returns its name."""
    image = IMAGES[name]
    tag = f"{options.registry}{image.name}:{options.version}{image.suffix}"
    builder.build(
        _ROOT,
        _ROOT / "deploy" / "images" / image.dockerfile,
        tag,
        target=image.target,
        arguments={"VERSION": options.version, "REVISION": _revision(), **image.arguments, **settings},
        secrets={name: file for name, file in (("authorities", options.authorities), ("pip", options.pip_conf)) if file},
    )
    return tag


def _revision() -> str:
    if not shutil.which("git"):
        return "unknown"
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=_ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.images", description="Build Darkroom's images.")
    parser.add_argument("names", nargs="+", choices=IMAGES, metavar="NAME", help=", ".join(IMAGES))
    parser.add_argument("--builder", choices=BUILDERS, help="default: the first of these that is installed and works")
    parser.add_argument("--registry", default="", help="prefix of the names, such as registry.example.com/media/")
    parser.add_argument("--version", default=version(), help="their tag (default: %(default)s)")
    parser.add_argument(
        "--python",
        metavar="IMAGE",
        help="image with Python 3.11 on Debian 12 to build from (default: the one that the file names); "
        f"{_FROM_DEBIAN}: made here from Debian's packages, with mmdebstrap, for builders that cannot reach a registry",
    )
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="such as SET=default, PLATFORM=cuda-tensorrt",
    )
    parser.add_argument("--authorities", type=Path, metavar="FILE", help="certificate authorities of a proxy, for the build alone")
    parser.add_argument("--pip-conf", type=Path, metavar="FILE", help="pip's configuration, such as a mirror, for the build alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
