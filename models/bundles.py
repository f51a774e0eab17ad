"""Bundles: which models belong together to one feature, and which of them the operator has chosen while the platform runs."""

import json
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import CatalogueError, RepositoryError

DEFAULT_BUNDLES = Path(__file__).with_name("bundles.toml")
CHOICES = "bundles.json"
"""The file of a repository with the operator's choices."""


class Bundle(BaseModel):
    """Models that are installed and removed as one. It needs one model of each group in `models`; without any, it cannot be installed, and
    `missing` says what there would have to be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    estimated_size: str
    version: str
    tools: tuple[str, ...]
    operations: tuple[str, ...] = ()
    """The operations that cannot do without it."""

    models: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = ()
    missing: str = ""
    needs: dict[str, tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...]] = {}
    """The groups that a tool needs, of which it can use any model, by tool: of this bundle, of another one, or of nobody's. A tool that is
    not named needs all of the bundle's."""

    lends: dict[str, tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...]] = {}
    """The same of tools of other bundles, which need some of this one's models besides."""

    @model_validator(mode="after")
    def _has_models_or_says_what_is_missing(self) -> Self:
        if bool(self.models) == bool(self.missing):
            raise ValueError("a bundle has either models, or says in `missing` what there would have to be")
        if unknown := self.needs.keys() - set(self.tools):
            raise ValueError(f"`needs` names tools that it does not have: {', '.join(sorted(unknown))}")
        if own := self.lends.keys() & set(self.tools):
            raise ValueError(f"`lends` names its own tools: {', '.join(sorted(own))}")
        return self

    def complete(self, present: Collection[str]) -> bool:
        """Whether it can be used where these models are."""
        return bool(self.models) and all(any(name in present for name in group) for group in self.models)

    def unavailable(self, present: Collection[str]) -> list[str]:
        """The tools that cannot be used where these models are: its own, and those that lack what it lends."""
        return [tool for tool in (*self.tools, *self.lends) if not self._usable(tool, present)]

    def _usable(self, tool: str, present: Collection[str]) -> bool:
        groups = (self.needs | self.lends).get(tool)
        return self.complete(present) if groups is None else all(any(name in present for name in group) for group in groups)

    def lacking(self, present: Collection[str]) -> list[str]:
        """The models that must be installed where these are."""
        return [group[0] for group in self.models if not any(name in present for name in group)]

    @property
    def all_models(self) -> frozenset[str]:
        """Every model that it can use."""
        return frozenset(name for group in self.models for name in group)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    bundles: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")], Bundle]


def load_bundles(path: Path = DEFAULT_BUNDLES) -> Mapping[str, Bundle]:
    """Every bundle, by its id. Raises CatalogueError."""
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).bundles
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise CatalogueError(f"{path}: {error}") from error


def installed_bundles(bundles: Mapping[str, Bundle], choices: Mapping[str, bool], present: Collection[str]) -> list[str]:
    """The bundles whose models are there, other than those that the operator has removed: these may share models with another one."""
    return [name for name, bundle in bundles.items() if choices.get(name, True) and bundle.complete(present)]


def only_of(bundle: str, bundles: Mapping[str, Bundle], kept: Iterable[str]) -> frozenset[str]:
    """The models of a bundle that the `kept` bundles cannot use."""
    used = frozenset[str]().union(*(bundles[other].all_models for other in kept if other != bundle))
    return bundles[bundle].all_models - used


def read_choices(root: Path) -> dict[str, bool]:
    """The bundles that the operator has installed (True) or removed (False) in a repository. Raises RepositoryError."""
    path = root / CHOICES
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RepositoryError(f"{path}: not a list of choices; remove it") from error
    return {str(name): bool(chosen) for name, chosen in said.items()} if isinstance(said, dict) else {}


def write_choices(root: Path, choices: Mapping[str, bool]) -> None:
    """Keep the operator's choices. Installers that run at the same time may do so, too."""
    root.mkdir(parents=True, exist_ok=True)
    # Next to the repository, since Triton reads every folder inside it.
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.choices-") as temporary:
        partial = Path(temporary, CHOICES)
        partial.write_text(json.dumps(dict(sorted(choices.items())), indent=2) + "\n", encoding="utf-8")
        partial.replace(root / CHOICES)


def chosen_models(bundles: Mapping[str, Bundle], choices: Mapping[str, bool], of_the_set: Collection[str]) -> frozenset[str]:
    """The models to have: those of a set, without those of removed bundles alone, and with those of installed ones."""
    kept = [name for name in bundles if choices.get(name, True)]
    removed = [name for name in bundles if not choices.get(name, True)]
    wanted = frozenset(of_the_set).difference(*(only_of(name, bundles, kept) for name in removed))
    return wanted.union(*(bundles[name].lacking(wanted) for name in kept if choices.get(name)))
