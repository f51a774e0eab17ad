"""Triton's config.pbtxt for a model, with the same name, inputs, outputs and batching on every platform."""

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as config_pb2

from models.catalogue import Model
from models.contract import INPUT
from models.platforms import PYTHON_BACKEND, Platform

_TENSORRT_WORKSPACE_BYTES = 2 << 30
_SMALLEST_WARMUP = 32  # pixels: a text detector only accepts multiples of this


def render_config(name: str, model: Model, platform: Platform, *, threads: int = 0, instances: int = 1) -> str:
    """Return the text of config.pbtxt.

    `threads`: number of onnxruntime threads on a CPU; 0 means one per core that the server may use. `instances`: number of copies of the
    network that run in parallel, on each GPU or on the CPU.
    """
    config = config_pb2.ModelConfig(
        name=name,
        max_batch_size=model.serving.max_batch_size,
        input=[config_pb2.ModelInput(name=INPUT, data_type=config_pb2.TYPE_UINT8, dims=_dims(model.contract.input_dims))],
        output=[
            config_pb2.ModelOutput(name=model.contract.output, data_type=config_pb2.TYPE_UINT8, dims=_dims(model.contract.output_dims))
        ],
        version_policy=config_pb2.ModelVersionPolicy(specific=config_pb2.ModelVersionPolicy.Specific(versions=[model.version])),
        dynamic_batching=config_pb2.ModelDynamicBatching(
            preferred_batch_size=model.serving.preferred_batch_sizes,
            max_queue_delay_microseconds=model.serving.max_queue_delay_us,
        ),
        model_warmup=_warmup(model, platform),
        default_model_filename="model.py" if platform in PYTHON_BACKEND else "model.onnx",
        backend="python" if platform in PYTHON_BACKEND else "onnxruntime",
        instance_group=[
            config_pb2.ModelInstanceGroup(
                kind=config_pb2.ModelInstanceGroup.KIND_CPU if platform == "cpu" else config_pb2.ModelInstanceGroup.KIND_GPU,
                count=instances,
            )
        ],
    )
    if platform in PYTHON_BACKEND:
        parameters = {
            "intra_op_threads": threads,
            "execution_batch_size": 1 if platform == "cpu" else model.serving.max_batch_size,
        }
        for key, value in parameters.items():
            config.parameters[key].string_value = str(value)
    if platform == "cuda-tensorrt":
        config.optimization.execution_accelerators.CopyFrom(_tensorrt("FP32" if model.is_float32 else "FP16"))
    return text_format.MessageToString(config)


def _dims(dims: tuple[int | None, ...]) -> list[int]:
    return [size or -1 for size in dims]


def _warmup(model: Model, platform: Platform) -> list[config_pb2.ModelWarmup]:
    """One picture that the server runs through the network before it reports ready, so that a network that cannot run fails at startup.

    The picture is black, or noise if the input includes a mask, because an inpainting network may need a mask that is not empty.

    A GPU selects kernels and allocates memory for a specific size, so it is warmed up with the size that clients send. A CPU needs no such
    preparation and releases its memory after each run, so the smallest picture that the network accepts is enough.
    """
    size = model.serving.warmup
    if platform == "cpu":
        height, width, _ = model.contract.input_dims
        size = height or _SMALLEST_WARMUP, width or _SMALLEST_WARMUP
    content = {"random_data" if model.job == "inpaint" else "zero_data": True}
    image = config_pb2.ModelWarmup.Input(data_type=config_pb2.TYPE_UINT8, dims=[*size, model.contract.input_dims[2]], **content)
    return [config_pb2.ModelWarmup(name="picture", batch_size=1, inputs={INPUT: image})]


def _tensorrt(precision: str) -> config_pb2.ModelOptimizationPolicy.ExecutionAccelerators:
    accelerator = config_pb2.ModelOptimizationPolicy.ExecutionAccelerators.Accelerator(
        name="tensorrt",
        parameters={
            "precision_mode": precision,
            "max_workspace_size_bytes": str(_TENSORRT_WORKSPACE_BYTES),
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": "/var/cache/triton/tensorrt",
        },
    )
    return config_pb2.ModelOptimizationPolicy.ExecutionAccelerators(gpu_execution_accelerator=[accelerator])
