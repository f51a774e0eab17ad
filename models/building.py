"""The files of one model for a Triton repository."""

from collections.abc import Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from models import tflite_onnx
from models.catalogue import Model, Source
from models.denoising import wrap_denoising
from models.errors import ConversionError
from models.inpainting import wrap_inpainting
from models.locating import wrap_locating
from models.ncnn_onnx import INPUT, OUTPUT, convert
from models.platforms import PYTHON_BACKEND, Platform, Precision, precision_for
from models.restoring import wrap_restoring
from models.tiny import tiny_model
from models.triton_config import on_cpu, render_config
from models.wrapping import takes_one, wrap

_BACKEND = Path(__file__).with_name("backend")
_CPU_FILES = ("model.py", "batching.py", "cpu_network.py", "idle_memory.py")
_GPU_FILES = ("model.py", "batching.py", "gpu_network.py", "gpu_process.py", "area.py", "cuda_libraries.py", "idle_memory.py")


def build_files(
    name: str, model: Model, source: Source, weights: Mapping[str, bytes], platform: Platform, *, threads: int, instances: int
) -> dict[str, bytes]:
    """Path inside the model's folder → content, for the trained network. Raises ConversionError."""
    network = build_network(model, source, weights, "fp32" if model.is_float32 or on_cpu(model, platform) else precision_for(platform))
    return _files(name, model, network, platform, threads, instances)


def build_tiny_files(name: str, model: Model, platform: Platform, *, threads: int, instances: int) -> dict[str, bytes]:
    """The same for a generated network that fulfils the contract of `model`."""
    return _files(name, model, tiny_model(model.contract), platform, threads, instances)


def build_network(model: Model, source: Source, weights: Mapping[str, bytes], precision: Precision) -> onnx.ModelProto:
    """The ONNX model that fulfils the contract of `model`, from verified weights. Raises ConversionError."""
    if source.format == "tflite":
        outputs = [source.output, *source.more_outputs]
        network = tflite_onnx.convert(weights["tflite"])
        return wrap_locating(network, model.contract, model.normalisation, input_name=source.input, outputs=outputs)
    if source.format == "ncnn":
        core = convert(weights["param"].decode("ascii"), weights["bin"], channels=source.channels)
        input_name, output_name = INPUT, OUTPUT
    else:
        try:
            core = onnx.load_model_from_string(weights["onnx"])
        except DecodeError as error:
            raise ConversionError("the weights are not an ONNX model") from error
        input_name, output_name = source.input, source.output
    if model.job == "colorize" and model.serving.max_batch_size > 1 and takes_one(core):
        raise ConversionError("the network takes one picture at a time: max_batch_size has to be 1")
    if model.job == "restore_face":
        return wrap_restoring(core, model, source)
    if model.job == "denoise":
        return wrap_denoising(
            core, model.contract, model.normalisation, input_name=input_name, output_name=output_name, precision=precision
        )
    if source.mask is not None:
        return wrap_inpainting(core, model, source, source.mask)
    return wrap(
        core,
        model.contract,
        model.normalisation,
        input_name=input_name,
        output_name=output_name,
        precision=precision,
        logits=source.logits,
        characters=_characters(core, source),
    )


def _characters(core: onnx.ModelProto, source: Source) -> tuple[str, ...]:
    if not source.characters:
        return ()
    for entry in core.metadata_props:
        if entry.key == source.characters:
            return tuple(entry.value.split("\n"))
    raise ConversionError(f"the ONNX file's metadata has no entry {source.characters!r}")


def _files(name: str, model: Model, network: onnx.ModelProto, platform: Platform, threads: int, instances: int) -> dict[str, bytes]:
    version = str(model.version)
    files = {
        "config.pbtxt": render_config(name, model, platform, threads=threads, instances=instances).encode(),
        f"{version}/model.onnx": network.SerializeToString(deterministic=True),
    }
    if platform in PYTHON_BACKEND:
        for file in _CPU_FILES if on_cpu(model, platform) else _GPU_FILES:
            files[f"{version}/{file}"] = (_BACKEND / file).read_bytes()
    return files
