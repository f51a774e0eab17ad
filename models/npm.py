"""Installs npm packages that a `package.json` pins by version and hash. No lock file: npm writes addresses of
registries into those.

`python -m models.npm FOLDER` installs what `FOLDER/package.json` pins; with `--omit=dev`, only what builds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from models.errors import FetchError
from models.fetch import npm_command

_OPTIONS = ("--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline")


def install(folder: Path, *options: str) -> None:
    """Install what `folder/package.json` pins into `folder/node_modules`; packages come from npm's cache where it has them.

    `dependencies` and `overrides` give exact versions, of packages that others need too. `integrity` maps `NAME@VERSION` to npm's hash of
    each that may be installed, those of other platforms included. No script of a package is run, so nothing has run when the hashes are
    compared. Earlier installations are removed: npm reports the hashes only of packages that it has installed itself.
    Raises FetchError, also for a package with another hash, or without one.
    """
    pinned: Mapping[str, str] = json.loads((folder / "package.json").read_text())["integrity"]
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    with npm_command() as npm:
        ran = subprocess.run([*npm, "install", *_OPTIONS, *options], cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise FetchError(f"npm could not install {folder}:\n{ran.stderr.strip()}")
    # The packages that npm has put there, with the hashes that it has checked the archives against.
    installed = json.loads((folder / "node_modules" / ".package-lock.json").read_text())["packages"]
    for path, package in installed.items():
        name = f"{path.rpartition('node_modules/')[2]}@{package['version']}"
        if name not in pinned:
            raise FetchError(f"npm:{name}: no hash is pinned for it in {folder / 'package.json'}")
        if package["integrity"] != pinned[name]:
            raise FetchError(f"npm:{name}: its hash is {package['integrity']}, {folder / 'package.json'} expects {pinned[name]}")


if __name__ == "__main__":
    install(Path(sys.argv[1]), *sys.argv[2:])
