"""An image with Python 3.11, made from Debian's packages: for a builder that reaches a mirror of Debian, and no registry of images."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.images.builder import Builder, BuildError

BASE = "localhost/darkroom-python:3.11-bookworm"
_SUITE = "bookworm"
# The library is what the process of a model embeds, in the image of the model server.
_PACKAGES = ("ca-certificates", "libpython3.11", "python3.11", "python3.11-venv")
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")


def make_base(builder: Builder) -> str:
    """Make the image unless it is there; returns its name. The mirror is the one that this machine's apt is configured with. Needs root.

    Raises BuildError.
    """
    if builder.has(BASE):
        return BASE
    if not shutil.which("mmdebstrap"):
        raise BuildError("mmdebstrap is needed to make an image from Debian's packages: apt-get install mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="darkroom-images-") as folder:
        archive = Path(folder, "root.tar")
        options = [f"--include={','.join(_PACKAGES)}", *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT)]
        ran = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *options, _SUITE, str(archive)], check=False)
        if ran.returncode != 0:
            raise BuildError(f"mmdebstrap ended with status {ran.returncode}")
        builder.import_root(archive, BASE)
    return BASE
