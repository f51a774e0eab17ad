from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as config_pb2

from models.catalogue import load_catalogue
from models.platforms import PLATFORMS, Platform
from models.triton_config import render_config


def config(platform: Platform, name: str = "isnet", **options: Any) -> Any:
    text = render_config(name, load_catalogue().models[name], platform, **options)
    return text_format.Parse(text, config_pb2.ModelConfig())


def test_only_what_depends_on_the_machine_differs_between_platforms() -> None:
    rendered = [config(platform) for platform in PLATFORMS]
    for message in rendered:
        for field in ("backend", "default_model_filename", "instance_group", "optimization", "parameters", "model_warmup"):
            message.ClearField(field)

    assert all(message == rendered[0] for message in rendered)


@pytest.mark.parametrize(
    ("platform", "backend", "file", "kind"),
    [
        ("cpu", "python", "model.py", config_pb2.ModelInstanceGroup.KIND_CPU),
        ("cuda", "python", "model.py", config_pb2.ModelInstanceGroup.KIND_GPU),
        ("cuda-onnxruntime", "onnxruntime", "model.onnx", config_pb2.ModelInstanceGroup.KIND_GPU),
        ("cuda-tensorrt", "onnxruntime", "model.onnx", config_pb2.ModelInstanceGroup.KIND_GPU),
    ],
)
def test_backend_and_device(platform: Platform, backend: str, file: str, kind: int) -> None:
    message = config(platform)

    assert message.backend == backend
    assert message.default_model_filename == file
    assert [(group.kind, group.count) for group in message.instance_group] == [(kind, 1)]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_as_many_instances_as_asked_for(platform: Platform) -> None:
    assert [group.count for group in config(platform, instances=3).instance_group] == [3]


def test_a_picture_of_fixed_size_goes_in_and_a_matte_comes_out() -> None:
    message = config("cpu")

    assert [(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in [*message.input, *message.output]] == [
        ("image", config_pb2.TYPE_UINT8, [1024, 1024, 3]),
        ("alpha", config_pb2.TYPE_UINT8, [1024, 1024, 1]),
    ]
    assert list(message.version_policy.specific.versions) == [1]
    assert message.max_batch_size == 4
    assert list(message.dynamic_batching.preferred_batch_size) == [2, 4]


@pytest.mark.parametrize(("name", "size"), [("isnet", [1024, 1024, 3]), ("realesrgan_x4plus", [32, 32, 3])])
def test_a_processor_is_warmed_up_with_the_smallest_picture(name: str, size: list[int]) -> None:
    assert [(warmup.batch_size, list(warmup.inputs["image"].dims)) for warmup in config("cpu", name).model_warmup] == [(1, size)]


@pytest.mark.parametrize(
    ("platform", "batches"), [("cuda", [4, 2, 1]), ("cuda-onnxruntime", [4, 3, 2, 1]), ("cuda-tensorrt", [4, 3, 2, 1])]
)
def test_a_gpu_is_warmed_up_with_every_batch_of_every_size_and_the_largest_first(platform: Platform, batches: list[int]) -> None:
    def warmups(name: str) -> list[tuple[int, list[int]]]:
        return [(warmup.batch_size, list(warmup.inputs["image"].dims)) for warmup in config(platform, name).model_warmup]

    assert warmups("realesr_animevideov3_x4") == [(batch, [256, 256, 3]) for batch in batches]
    sizes = [[1600, 1600, 3], [1280, 1280, 3], [960, 1280, 3], [1280, 960, 3]]
    assert warmups("ppocr_det") == [(batch, size) for size in sizes for batch in (2, 1)]
    # Small, and given pictures of any size.
    assert config(platform, "mark_paint").instance_group[0].kind == config_pb2.ModelInstanceGroup.KIND_CPU


def test_the_default_set_fits_on_a_card_of_8_gb() -> None:
    models = load_catalogue().select("default").values()
    # The rest, below 7 GB, is for weights, 0.2 GB, and for two contexts, of the server and of the networks, 1.3 GB on an H100.
    assert sum(model.gpu.memory_mib for model in models if model.gpu is not None) <= 5200
    assert all(model.gpu is not None or model.serving.cpu_only for model in models)


def test_an_inpainting_network_is_warmed_up_with_a_mask_and_keeps_its_precision() -> None:
    message = config("cuda-tensorrt", "lama")

    assert [(tensor.name, list(tensor.dims)) for tensor in [*message.input, *message.output]] == [
        ("image", [512, 512, 4]),
        ("filled", [512, 512, 3]),
    ]
    (warmup,) = message.model_warmup
    assert (list(warmup.inputs["image"].dims), warmup.inputs["image"].WhichOneof("input_data_type")) == ([512, 512, 4], "random_data")
    (accelerator,) = message.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.parameters["precision_mode"] == "FP32"


def test_paint_is_found_with_a_place_in_pictures_of_any_size() -> None:
    message = config("cpu", "mark_paint")

    assert [(tensor.name, list(tensor.dims)) for tensor in [*message.input, *message.output]] == [
        ("image", [-1, -1, 4]),
        ("paint", [-1, -1, 5]),
    ]
    assert [list(warmup.inputs["image"].dims) for warmup in message.model_warmup] == [[32, 32, 4]]


def test_an_upscaler_takes_any_size() -> None:
    message = config("cpu", "realesrgan_x4plus")

    assert list(message.input[0].dims) == [-1, -1, 3]
    assert list(message.output[0].dims) == [-1, -1, 3]


def test_a_processor_runs_pictures_one_by_one_and_a_gpu_runs_batches() -> None:
    def parameters(platform: Platform, name: str = "ppocr_det") -> dict[str, str]:
        return {key: value.string_value for key, value in config(platform, name, threads=3).parameters.items()}

    assert parameters("cpu") == {"intra_op_threads": "3", "execution_batch_size": "1"}
    sizes = {"sizes": "960x1280,1280x960,1280x1280,1600x1600"}
    assert parameters("cuda") == {"execution_batch_size": "2", "batch_sizes": "1,2", "gpu_memory_mib": "850", **sizes}
    memory = {"gpu_mem_limit": str(850 << 20), "memory.enable_memory_arena_shrinkage": "gpu:0"}
    search = {"cudnn_conv_algo_search": "1", "arena_extend_strategy": "1", "enable_mem_pattern": "0"}
    assert parameters("cuda-onnxruntime") == {**search, "session.use_device_allocator_for_initializers": "1", **memory, **sizes}
    assert parameters("cuda-onnxruntime", "mark_paint") == {"intra_op_thread_count": "3"}


@pytest.mark.parametrize(("name", "precision"), [("isnet", "FP16"), ("ppocr_det", "FP32"), ("face_mesh", "FP32")])
def test_tensorrt_is_an_accelerator_of_the_onnxruntime_backend(name: str, precision: str) -> None:
    accelerators = config("cuda-tensorrt", name).optimization.execution_accelerators.gpu_execution_accelerator

    assert [(accelerator.name, accelerator.parameters["precision_mode"]) for accelerator in accelerators] == [("tensorrt", precision)]


def test_a_reader_is_warmed_up_with_a_line_of_its_height() -> None:
    (warmup,) = config("cpu", "ppocr_rec").model_warmup
    assert warmup.inputs["image"].dims == [48, 32, 3]
