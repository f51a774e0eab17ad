"""Lays out a Triton model repository on disk, and checks whether its contents are as installed.

<repository>/manifest.json            what was installed, with the size and SHA-256 of every file
<repository>/<model>/config.pbtxt
<repository>/<model>/<version>/       model.onnx, and for the Python backend its code
"""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from models.archives import sha256_of
from models.errors import RepositoryError
from models.platforms import Platform

DARKROOM = "darkroom"
"""The name of this folder's catalogue in manifests; any other is named by its path."""
_MANIFEST = "manifest.json"


class InstalledFile(BaseModel):
    """A file of the repository as it was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int
    sha256: str


class InstalledModel(BaseModel):
    """A model as it was installed. `recipe` identifies everything that its files were made from, `catalogue` the catalogue that it is
    from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    source: str
    catalogue: str = DARKROOM
    files: dict[str, InstalledFile]


class Manifest(BaseModel):
    """The contents of `manifest.json`: every model that the installer put into the repository, which set of each catalogue, and for which
    platform."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[str, InstalledModel] = {}
    sets: dict[str, str] = {}
    platform: Platform | None = None
    """None in the manifests of before it was recorded."""


class Repository:
    """A model repository in the folder `root`. Models put there by other programs are never touched."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Locks the repository; other installers wait."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        with self.root.with_name(f".{self.root.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Left by an installer that was killed.
            for partial in self.root.parent.glob(f".{self.root.name}.partial-*"):
                shutil.rmtree(partial, ignore_errors=True)
            yield

    def manifest(self) -> Manifest:
        """The installed models; empty if there are no models. Raises RepositoryError if the manifest cannot be read."""
        path = self.root / _MANIFEST
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Manifest()
        except ValidationError as error:
            raise RepositoryError(f"{path}: not a manifest of this installer; remove it and install again") from error

    def is_intact(self, model: InstalledModel) -> bool:
        """Whether every file of a model exists with its size: a quick check. See `damages` for a full one."""
        return all(_size(self.root / path) == file.size for path, file in model.files.items())

    def damages(self) -> list[str]:
        """Each file that is missing or whose bytes changed, in words."""
        problems = []
        for model in self.manifest().models.values():
            for relative, file in model.files.items():
                path = self.root / relative
                if not path.is_file():
                    problems.append(f"{path}: missing")
                elif (actual := sha256_of(path)) != file.sha256:
                    problems.append(f"{path}: SHA-256 is {actual}, {file.sha256} was installed")
        return problems

    def put(self, name: str, files: Mapping[str, bytes], *, recipe: str, source: str, catalogue: str) -> None:
        """Installs a model, replacing an earlier one. `files`: path inside the model's folder → content.

        A reader sees either the earlier model or the new one, never a mixture. At worst, a crash leaves the model out of the manifest, and
        the next installation repairs that.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        # Next to the repository, since Triton treats every folder inside it as a model.
        with tempfile.TemporaryDirectory(dir=self.root.parent, prefix=f".{self.root.name}.partial-") as temporary:
            staged = Path(temporary, name)
            for relative, content in files.items():
                target = staged / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            if (self.root / name).exists():
                (self.root / name).rename(Path(temporary, f"{name}.replaced"))
            staged.rename(self.root / name)
        installed = InstalledModel(
            recipe=recipe,
            source=source,
            catalogue=catalogue,
            files={
                f"{name}/{relative}": InstalledFile(size=len(content), sha256=hashlib.sha256(content).hexdigest())
                for relative, content in files.items()
            },
        )
        manifest = self.manifest()
        self._write_manifest(manifest, models={**manifest.models, name: installed})

    def remove(self, name: str) -> None:
        """Removes a model that the installer put there."""
        manifest = self.manifest()
        self._write_manifest(manifest, models={other: model for other, model in manifest.models.items() if other != name})
        shutil.rmtree(self.root / name, ignore_errors=True)

    def remember(self, catalogue: str, set_name: str, platform: Platform) -> None:
        """Record which set of a catalogue is installed, and for which platform, to be maintained from now on."""
        manifest = self.manifest()
        if (manifest.sets.get(catalogue), manifest.platform) != (set_name, platform):
            self.root.mkdir(parents=True, exist_ok=True)
            self._write_manifest(manifest, sets={**manifest.sets, catalogue: set_name}, platform=platform)

    def _write_manifest(self, present: Manifest, **changes: Any) -> None:
        changed = {**dict(present), **changes}
        manifest = Manifest(**{name: dict(sorted(value.items())) if isinstance(value, dict) else value for name, value in changed.items()})
        partial = self.root / f".{_MANIFEST}.partial"
        partial.write_text(manifest.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
        partial.replace(self.root / _MANIFEST)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
