"""`python -m models`: install, verify and list the models that Triton serves."""

import argparse
import json
import shutil
import sys
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from pathlib import Path

from models import bundle_commands
from models.bundles import chosen_models, load_bundles, read_choices, write_choices
from models.catalogue import DEFAULT_CATALOGUE, SET_NAMES, Catalogue, SetName, load_catalogue
from models.diffusion.layout import lay_out
from models.errors import CatalogueError, ModelError
from models.fetch import Fetcher
from models.install import Installer
from models.platforms import PLATFORMS
from models.repository import DARKROOM, InstalledModel, Repository

_CACHE = Path(".cache/downloads")
_REPOSITORY = Path(".cache/models")
_TINY_REPOSITORY = Path(".cache/models-tiny")
# Terminal width in columns below which the list leaves out what is not needed to tell models apart.
_WIDE = 100
_DIFFUSION_VENV = Path(".venv-diffusion")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status: 0, 1 for a failure that is explained on stderr, 2 for incorrect usage."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--catalogue", type=Path, default=DEFAULT_CATALOGUE, help="models.toml to read")
    common.add_argument("--set", dest="set_name", choices=SET_NAMES, help="default: the one that is installed, at first `default`")
    common.add_argument("--dest", type=Path, help=f"model repository (default {_REPOSITORY}; tiny: {_TINY_REPOSITORY})")

    parser = argparse.ArgumentParser(prog="python -m models", description="Install, verify and list models for Triton.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    install = commands.add_parser("install", parents=[common], help="fetch, convert and lay out a set of models")
    install.add_argument("--cache", type=Path, default=_CACHE, help=f"folder of downloads, until they are unpacked (default {_CACHE})")
    install.add_argument(
        "--platform", choices=PLATFORMS, help="what the models will run on (default: as those that are installed, at first cpu)"
    )
    install.add_argument("--threads", type=_threads, default=0, help="onnxruntime's threads a model; 0: one a core")
    install.add_argument(
        "--instances", type=_instances, default=1, help="copies of each model that run side by side on a device (default 1)"
    )
    install.set_defaults(run=_install)
    pipeline = commands.add_parser("install-pipeline", help="lay out a diffusion pipeline, whose weights you have fetched")
    pipeline.add_argument("name", help="its name in models.toml, such as z_image_turbo")
    pipeline.add_argument("--weights", type=Path, required=True, help="folder that holds its model_index.json")
    pipeline.add_argument("--catalogue", type=Path, default=DEFAULT_CATALOGUE, help="models.toml to read")
    pipeline.add_argument("--dest", type=Path, default=_REPOSITORY, help=f"model repository (default {_REPOSITORY})")
    pipeline.add_argument("--venv", type=Path, default=_DIFFUSION_VENV, help=f"environment with diffusers (default {_DIFFUSION_VENV})")
    pipeline.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="what it runs on; cpu is for trying it out")
    pipeline.set_defaults(run=_install_pipeline)
    bundle_commands.add_parsers(commands)
    verify = commands.add_parser("verify", parents=[common], help="compare every installed file with its SHA-256")
    verify.set_defaults(run=_verify)
    listing = commands.add_parser("list", parents=[common], help="print every model with its version and licence")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    listing.set_defaults(run=_list)
    return parser


def _threads(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 256:
        raise argparse.ArgumentTypeError("0 to 256 are allowed")
    return value


def _instances(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 16:
        raise argparse.ArgumentTypeError("1 to 16 are allowed")
    return value


def _repository(options: argparse.Namespace) -> Repository:
    default = _TINY_REPOSITORY if options.set_name == "tiny" else _REPOSITORY
    return Repository(options.dest or default)


def _name(options: argparse.Namespace) -> str:
    """The name of the catalogue in manifests."""
    return DARKROOM if options.catalogue.resolve() == DEFAULT_CATALOGUE else str(options.catalogue.resolve())


def _set_name(options: argparse.Namespace, repository: Repository) -> SetName:
    known: dict[str, SetName] = {name: name for name in SET_NAMES}
    chosen: SetName | None = options.set_name
    return chosen or known.get(repository.manifest().sets.get(_name(options), ""), "default")


def _report(line: str) -> None:
    print(line, flush=True)


def _install(options: argparse.Namespace) -> int:
    repository = _repository(options)
    name = _name(options)
    fetcher = Fetcher(options.cache, _report)
    installer = Installer(
        name,
        load_catalogue(options.catalogue),
        repository,
        fetcher,
        _report,
        platform=options.platform or repository.manifest().platform or "cpu",
        threads=options.threads,
        instances=options.instances,
    )
    set_name, names = _set_name(options, repository), None
    if name == DARKROOM and options.set_name is not None:
        write_choices(repository.root, {})
    elif name == DARKROOM:
        # Keep the bundles that were installed and removed while the platform ran.
        names = chosen_models(load_bundles(), read_choices(repository.root), load_catalogue(options.catalogue).select(set_name).keys())
    installer.install(set_name, names)
    fetcher.discard()
    ready = [model.catalogue for model in repository.manifest().models.values()]
    others = f", {len(ready) - ready.count(name)} of them from other catalogues" if len(ready) > ready.count(name) else ""
    _report(f"{repository.root}: {len(ready)} models are ready{others}")
    return 0


def _install_pipeline(options: argparse.Namespace) -> int:
    known = load_catalogue(options.catalogue).pipelines
    if options.name not in known:
        raise CatalogueError(f"{options.catalogue}: no pipeline {options.name!r}; there are {', '.join(known) or 'none'}")
    lay_out(options.dest, options.name, known[options.name].version, options.weights, options.venv, options.device)
    _report(f"{options.name}: laid out in {options.dest}; Triton serves it after its next start")
    return 0


def _verify(options: argparse.Namespace) -> int:
    repository = _repository(options)
    wanted: Collection[str] = load_catalogue(options.catalogue).select(_set_name(options, repository))
    if _name(options) == DARKROOM and options.set_name is None:
        wanted = chosen_models(load_bundles(), read_choices(repository.root), wanted)
    problems = repository.damages()
    problems += [f"{name}: not installed" for name in wanted if name not in repository.manifest().models]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        _report(f"{repository.root}: {len(wanted)} models are as they were installed")
    return 1 if problems else 0


def _list(options: argparse.Namespace) -> int:
    catalogue = load_catalogue(options.catalogue)
    repository = _repository(options)
    laid_out = {name for name in catalogue.pipelines if (repository.root / name / "config.pbtxt").is_file()}
    models = [*_known(catalogue, repository.manifest().models, laid_out), *_foreign(catalogue, repository.manifest().models)]
    if options.json:
        for model in models:
            _report(json.dumps(model, ensure_ascii=False))
        return 0
    titles = {
        "model": "MODEL",
        "version": "VERSION",
        "licence": "LICENCE",
        "sets": "SETS",
        "installed": "INSTALLED",
        "summary": "WHAT IT DOES",
    }
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if 0 < width < _WIDE:
        titles = {name: title for name, title in titles.items() if name not in ("licence", "sets")}
    rows = [tuple(titles.values()), *(tuple(_cell(model[name]) for name in titles) for model in models)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(cells) for cell, cells in zip(row, widths, strict=True)).rstrip()
        _report(f"{line[: width - 1]}…" if 0 < width < len(line) else line)
    return 0


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def _known(catalogue: Catalogue, installed: Container[str], laid_out: Container[str]) -> Iterator[Mapping[str, object]]:
    for name, model in catalogue.models.items():
        yield {
            "model": name,
            "version": model.version,
            "licence": model.licence.spdx,
            "sets": model.sets,
            "installed": name in installed,
            "summary": model.summary,
        }
    for name, pipeline in catalogue.pipelines.items():
        yield {
            "model": name,
            "version": pipeline.version,
            "licence": pipeline.licence.spdx,
            "sets": (),
            "installed": name in laid_out,
            "summary": pipeline.summary,
        }


def _foreign(catalogue: Catalogue, installed: Mapping[str, InstalledModel]) -> Iterator[Mapping[str, object]]:
    """The models that another catalogue has installed."""
    for name, model in installed.items():
        if name not in catalogue.models:
            from_ = "Darkroom's own catalogue" if model.catalogue == DARKROOM else model.catalogue
            yield {"model": name, "version": None, "licence": None, "sets": (), "installed": True, "summary": f"from {from_}"}


if __name__ == "__main__":
    sys.exit(main())
