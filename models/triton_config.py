"""Triton's config.pbtxt for a model, with the same name, inputs, outputs and batching on every platform."""

from collections.abc import Mapping

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
                kind=config_pb2.ModelInstanceGroup.KIND_CPU if on_cpu(model, platform) else config_pb2.ModelInstanceGroup.KIND_GPU,
                count=instances,
            )
        ],
    )
    for key, value in _parameters(model, platform, threads).items():
        config.parameters[key].string_value = str(value)
    if platform == "cuda-tensorrt" and not on_cpu(model, platform):
        config.optimization.execution_accelerators.CopyFrom(_tensorrt("FP32" if model.is_float32 else "FP16"))
    return text_format.MessageToString(config)


def on_cpu(model: Model, platform: Platform) -> bool:
    """Whether a model runs on the CPU."""
    return platform == "cpu" or model.serving.cpu_only


def _parameters(model: Model, platform: Platform, threads: int) -> Mapping[str, object]:
    """For the backend; and `sizes`, for clients: the heights and widths that they may send, where the network itself would take any."""
    python, gpu = platform in PYTHON_BACKEND, model.gpu
    if on_cpu(model, platform):
        return {"intra_op_threads": threads, "execution_batch_size": 1} if python else {"intra_op_thread_count": threads}
    parameters: dict[str, object] = {}
    if gpu is not None and gpu.sizes:
        parameters["sizes"] = ",".join(f"{height}x{width}" for height, width in gpu.sizes)
    if python:
        batches = model.serving.batch_sizes
        parameters |= {"execution_batch_size": batches[-1], "batch_sizes": ",".join(map(str, batches))}
        return parameters | {"gpu_memory_mib": 0 if gpu is None else gpu.memory_mib}
    # As gpu_process.py does it: https://github.com/triton-inference-server/onnxruntime_backend
    parameters |= {"cudnn_conv_algo_search": 1, "arena_extend_strategy": 1, "enable_mem_pattern": 0}
    parameters["session.use_device_allocator_for_initializers"] = 1
    if gpu is not None:
        parameters["gpu_mem_limit"] = gpu.memory_mib << 20
    if gpu is not None and gpu.returns_memory:
        parameters["memory.enable_memory_arena_shrinkage"] = "gpu:0"
    return parameters


def _dims(dims: tuple[int | None, ...]) -> list[int]:
    return [size or -1 for size in dims]


def _warmup(model: Model, platform: Platform) -> list[config_pb2.ModelWarmup]:
    """Pictures that the server runs through the network before it reports ready, so that a network that cannot run fails at startup.

    They are black, or noise if the input includes a mask, because an inpainting network may need a mask that is not empty.

    A GPU selects kernels and allocates memory for each size of picture and of batch, so it is warmed up with all that will come; the
    largest first, in whose memory the others have room. The Python backend pads batches; the server's own backend gets them as they come. A
    CPU needs no such preparation and releases its memory after each run, so the smallest picture that the network accepts is enough.
    """
    if on_cpu(model, platform):
        height, width, _ = model.contract.input_dims
        sizes, batches = [(height or _SMALLEST_WARMUP, width or _SMALLEST_WARMUP)], [1]
    else:
        sizes = sorted(model.gpu_sizes, key=lambda size: -size[0] * size[1])
        batches = list(model.serving.batch_sizes if platform in PYTHON_BACKEND else range(1, model.serving.max_batch_size + 1))
    content = {"random_data" if model.job == "inpaint" else "zero_data": True}
    return [
        config_pb2.ModelWarmup(
            name=f"{batch}x{height}x{width}",
            batch_size=batch,
            inputs={
                INPUT: config_pb2.ModelWarmup.Input(
                    data_type=config_pb2.TYPE_UINT8, dims=[height, width, model.contract.input_dims[2]], **content
                )
            },
        )
        for height, width in sizes
        for batch in reversed(batches)
    ]


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
