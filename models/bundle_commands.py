"""`python -m models install-bundle` and `remove-bundle`: what a worker runs to change what is installed while the platform runs.

They change files only: whoever runs them has the model server load what is installed, and unload what is to be removed.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from models.bundles import Bundle, installed_bundles, load_bundles, only_of, read_choices, write_choices
from models.catalogue import SET_NAMES, SetName, load_catalogue
from models.errors import CatalogueError
from models.fetch import Fetcher
from models.install import Installer
from models.platforms import PLATFORMS
from models.repository import DARKROOM, Repository

_CACHE = Path(".cache/downloads")
_REPOSITORY = Path(".cache/models")


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("bundle", help="its id in bundles.toml, such as ocr")
    common.add_argument("--dest", type=Path, default=_REPOSITORY, help=f"model repository (default {_REPOSITORY})")
    common.add_argument("--cache", type=Path, default=_CACHE, help=f"folder of downloads, until they are unpacked (default {_CACHE})")
    common.add_argument("--platform", choices=PLATFORMS, help="what the models will run on (default: as the installed ones)")
    common.add_argument(
        "--supervised", action="store_true", help="report progress as lines of JSON, and end as soon as standard input is closed"
    )
    install = commands.add_parser("install-bundle", parents=[common], help="fetch, convert and lay out the models of a bundle")
    install.set_defaults(run=_install)
    remove = commands.add_parser("remove-bundle", parents=[common], help="remove the models that no other installed bundle uses")
    remove.set_defaults(run=_remove)


def _install(options: argparse.Namespace) -> int:
    bundles = load_bundles()
    bundle, repository = _bundle(bundles, options.bundle), Repository(options.dest)
    if bundle.missing:
        raise CatalogueError(f"{bundle.name} cannot be installed: it needs {bundle.missing}, and models.toml has none")
    if options.supervised:
        _end_with_standard_input()
    fetcher = Fetcher(options.cache, _report)
    installer, set_name = _installer(options, repository, fetcher)
    names = bundle.lacking(repository.manifest().models.keys())

    def began(number: int, name: str) -> None:
        _tell(options, round(100 * number / len(names)), f"Installing {name}")

    installer.add(names, set_name, began)
    fetcher.discard()
    write_choices(repository.root, {**read_choices(repository.root), options.bundle: True})
    _tell(options, 100, "Installed")
    return 0


def _remove(options: argparse.Namespace) -> int:
    bundles = load_bundles()
    _bundle(bundles, options.bundle)
    repository = Repository(options.dest)
    present = repository.manifest().models.keys()
    choices = {**read_choices(repository.root), options.bundle: False}
    # First: an installation that comes after a crash goes on with the removal.
    write_choices(repository.root, choices)
    installer, _ = _installer(options, repository, Fetcher(options.cache, _report))
    installer.remove(only_of(options.bundle, bundles, installed_bundles(bundles, choices, present)))
    return 0


def _bundle(bundles: Mapping[str, Bundle], name: str) -> Bundle:
    if name not in bundles:
        raise CatalogueError(f"there is no bundle {name!r}; there are {', '.join(bundles)}")
    return bundles[name]


def _installer(options: argparse.Namespace, repository: Repository, fetcher: Fetcher) -> tuple[Installer, SetName]:
    known: dict[str, SetName] = {name: name for name in SET_NAMES}
    set_name = known.get(repository.manifest().sets.get(DARKROOM, ""), "default")
    platform = options.platform or repository.manifest().platform or "cpu"
    installer = Installer(DARKROOM, load_catalogue(), repository, fetcher, _report, platform=platform, threads=0, instances=1)
    return installer, set_name


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell(options: argparse.Namespace, percent: int, stage: str) -> None:
    print(json.dumps({"percent": percent, "stage": stage}) if options.supervised else stage, flush=True)


def _end_with_standard_input() -> None:
    """End this process when whoever has started it is gone."""

    def wait() -> None:
        # Not by `sys.stdin`, whose lock this thread would hold while the interpreter ends.
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
