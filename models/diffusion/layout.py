"""Lays out a pipeline in a model repository. Its weights stay where they are, since they are tens of gigabytes."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as config_pb2

from models.errors import RepositoryError

_CODE = Path(__file__).with_name("model.py")
_INPUTS = {
    "prompt": (config_pb2.TYPE_STRING, [1], False),
    "negative_prompt": (config_pb2.TYPE_STRING, [1], False),
    "width": (config_pb2.TYPE_INT32, [1], False),
    "height": (config_pb2.TYPE_INT32, [1], False),
    "seed": (config_pb2.TYPE_INT64, [1], False),
    "steps": (config_pb2.TYPE_INT32, [1], False),
    "guidance": (config_pb2.TYPE_FP32, [1], False),
    "reference": (config_pb2.TYPE_UINT8, [-1, -1, 3], True),
    "strength": (config_pb2.TYPE_FP32, [1], True),
}
"""Type, shape, and whether the input is optional. `reference` is height x width x 3, sRGB, of the size of the result."""


def lay_out(repository: Path, name: str, version: int, weights: Path, environment: Path, device: Literal["cpu", "cuda"]) -> None:
    """Put the model `name` into a repository, replacing an earlier one. `environment` is the virtual environment with `diffusers`.

    The installer of the other models leaves it alone. Raises RepositoryError if the weights or the environment are unsuitable.
    """
    if not (weights / "model_index.json").is_file():
        raise RepositoryError(f"{weights}: no saved pipeline: it has no model_index.json")
    if not (environment / "bin" / "activate").is_file():
        raise RepositoryError(f"{environment}: no virtual environment; run `make diffusion`")
    _link_python(environment)
    repository.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository.parent, prefix=f".{repository.name}.partial-") as temporary:
        staged = Path(temporary, name)
        (staged / str(version)).mkdir(parents=True)
        (staged / "config.pbtxt").write_text(_config(name, version, weights, environment, device), encoding="utf-8")
        shutil.copyfile(_CODE, staged / str(version) / "model.py")
        if (repository / name).exists():
            (repository / name).rename(Path(temporary, f"{name}.replaced"))
        staged.rename(repository / name)


def _link_python(environment: Path) -> None:
    """Make the server's process for this model load the libpython of the environment instead of the system's, for which the environment's
    extension modules may be too new. The backend searches the environment's `lib` first."""
    ask = "import sysconfig; print(sysconfig.get_config_var('LIBDIR') or '', sysconfig.get_config_var('INSTSONAME') or '', sep='/')"
    answer = subprocess.run([environment / "bin" / "python", "-c", ask], check=True, capture_output=True, text=True)
    library = Path(answer.stdout.strip())
    link = environment / "lib" / library.name
    if ".so" in library.name and library.is_file() and not link.exists():
        link.symlink_to(library)


def _config(name: str, version: int, weights: Path, environment: Path, device: Literal["cpu", "cuda"]) -> str:
    kinds = {"cpu": config_pb2.ModelInstanceGroup.KIND_CPU, "cuda": config_pb2.ModelInstanceGroup.KIND_GPU}
    config = config_pb2.ModelConfig(
        name=name,
        backend="python",
        default_model_filename="model.py",
        max_batch_size=0,
        input=[
            config_pb2.ModelInput(name=input_, data_type=kind, dims=shape, optional=optional)
            for input_, (kind, shape, optional) in _INPUTS.items()
        ],
        output=[config_pb2.ModelOutput(name="image", data_type=config_pb2.TYPE_UINT8, dims=[-1, -1, 3])],
        version_policy=config_pb2.ModelVersionPolicy(specific=config_pb2.ModelVersionPolicy.Specific(versions=[version])),
        instance_group=[config_pb2.ModelInstanceGroup(kind=kinds[device], count=1)],
    )
    config.parameters["weights"].string_value = str(weights.absolute())
    # The server runs this model's process inside that environment.
    config.parameters["EXECUTION_ENV_PATH"].string_value = str(environment.absolute())
    return text_format.MessageToString(config)
