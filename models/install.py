"""Installs a set of models: fetch, verify, convert, lay out. Models that are already there unchanged, or that another catalogue has
installed, are left alone."""

import ast
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path

from models.archives import read_weights
from models.catalogue import Catalogue, Model, SetName, Source
from models.errors import CatalogueError, FetchError, HashMismatchError, ModelError
from models.fetch import Fetcher, describe
from models.platforms import Platform
from models.repository import DARKROOM, InstalledModel, Repository

_PACKAGE = Path(__file__).parent


class Installer:
    """Keeps exactly one set of a catalogue's models in a repository, for one platform. Manifests call the catalogue `name`."""

    def __init__(
        self,
        name: str,
        catalogue: Catalogue,
        repository: Repository,
        fetcher: Fetcher,
        report: Callable[[str], None],
        *,
        platform: Platform,
        threads: int,
        instances: int,
    ) -> None:
        self._name = name
        self._catalogue = catalogue
        self._repository = repository
        self._fetcher = fetcher
        self._report = report
        self._platform: Platform = platform
        self._threads = threads
        self._instances = instances

    def install(self, set_name: SetName, names: Collection[str] | None = None) -> None:
        """Installs a set, or the models `names` as those of that set, and removes all others of the catalogue. Raises ModelError; models
        installed before stay intact.

        CatalogueError: another catalogue has already installed a model with one of these names.
        """
        wanted = self._catalogue.select(set_name)
        if names is not None:
            wanted = {name: model for name, model in self._catalogue.models.items() if name in names}
        with self._repository.lock():
            installed = self._repository.manifest().models
            for name in wanted:
                self._check_owner(name, installed.get(name))
            for name in sorted(name for name, model in installed.items() if model.catalogue == self._name and name not in wanted):
                self._repository.remove(name)
                self._report(f"{name}: removed, not in the set {set_name!r} of its catalogue")
            for name, model in wanted.items():
                self._install_unless_there(name, model, set_name, installed.get(name))
            self._repository.remember(self._name, set_name, self._platform)

    def add(self, names: Sequence[str], set_name: SetName, began: Callable[[int, str], None]) -> None:
        """Installs models next to those that are there; `began` hears of each before it begins. Raises ModelError; then those of them
        that were not there before are removed again."""
        with self._repository.lock():
            installed = self._repository.manifest().models
            for name in names:
                self._check_owner(name, installed.get(name))
            try:
                for number, name in enumerate(names):
                    began(number, name)
                    self._install_unless_there(name, self._catalogue.models[name], set_name, installed.get(name))
            except ModelError:
                for name in set(names) & self._repository.manifest().models.keys() - installed.keys():
                    self._repository.remove(name)
                raise

    def remove(self, names: Collection[str]) -> None:
        """Removes those of the models that this catalogue has installed."""
        with self._repository.lock():
            for name, model in self._repository.manifest().models.items():
                if name in names and model.catalogue == self._name:
                    self._repository.remove(name)
                    self._report(f"{name}: removed")

    def _check_owner(self, name: str, present: InstalledModel | None) -> None:
        """A catalogue that no longer exists gives up its models."""
        if present is None or present.catalogue == self._name:
            return
        if present.catalogue == DARKROOM or Path(present.catalogue).is_file():
            owner = "Darkroom's own catalogue" if present.catalogue == DARKROOM else present.catalogue
            raise CatalogueError(
                f"{name}: {self._repository.root} has a model of this name from {owner}; give yours another, or another folder (--dest)"
            )

    def _install_unless_there(self, name: str, model: Model, set_name: SetName, present: InstalledModel | None) -> None:
        recipe = self._recipe(name, model, set_name)
        if present and present.catalogue == self._name and present.recipe == recipe and self._repository.is_intact(present):
            return
        self._install_model(name, model, set_name, recipe)

    def _install_model(self, name: str, model: Model, set_name: SetName, recipe: str) -> None:
        # onnx and the Triton client take most of a second to import; a repeated run has nothing to build.
        from models.building import build_files, build_tiny_files

        if set_name == "tiny":
            files, origin = build_tiny_files(name, model, self._platform, threads=self._threads, instances=self._instances), "generated"
        else:
            source, weights = self._weights(name, model)
            files = build_files(name, model, source, weights, self._platform, threads=self._threads, instances=self._instances)
            origin = describe(self._catalogue.archives[source.archive])
        self._repository.put(name, files, recipe=recipe, source=origin, catalogue=self._name)
        self._report(f"{name}: version {model.version} installed from {origin}")

    def _weights(self, name: str, model: Model) -> tuple[Source, dict[str, bytes]]:
        """The first source that works, and its verified weights."""
        failures: list[ModelError] = []
        for source in model.sources:
            try:
                return source, read_weights(self._fetcher.fetch(self._catalogue.archives[source.archive]), source)
            except (FetchError, HashMismatchError) as error:
                failures.append(error)
        raise FetchError(f"{name}: not installed, no source works:\n" + "\n".join(map(str, failures))) from failures[-1]

    def _recipe(self, name: str, model: Model, set_name: SetName) -> str:
        """Identifies everything that a model's files are made from: its entry, the platform, the code that makes them."""
        parts = [
            json.dumps(model.model_dump(mode="json"), sort_keys=True),
            json.dumps({key: value.sha256 for key, value in self._catalogue.archives.items()}, sort_keys=True),
            name,
            "tiny" if set_name == "tiny" else "trained",
            self._platform,
            str(self._threads),
            str(self._instances),
            *(path.read_text(encoding="utf-8") for path in building_code()),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def building_code() -> Sequence[Path]:
    """The files of this package that decide what a model becomes: building.py with all that it imports, and the server's backend."""
    found: set[Path] = set()
    waiting = [_PACKAGE / "building.py"]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "models":
                waiting += [_PACKAGE / f"{name.name}.py" for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting.append(_PACKAGE.parent / f"{node.module.replace('.', '/')}.py")
    return sorted([*found, *(_PACKAGE / "backend").glob("*.py")])
