"""What a model repository is rendered for."""

from typing import Literal, TypeAlias, get_args

Platform: TypeAlias = Literal["cpu", "cuda", "cuda-onnxruntime", "cuda-tensorrt"]
"""`cpu`: Triton's Python backend with onnxruntime on the processor. `cuda`: the same on the GPU.
`cuda-onnxruntime`: the server's own onnxruntime backend. `cuda-tensorrt`: that one with TensorRT as its accelerator."""

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
PYTHON_BACKEND: frozenset[Platform] = frozenset({"cpu", "cuda"})

Precision: TypeAlias = Literal["fp32", "fp16"]


def precision_for(platform: Platform) -> Precision:
    """The precision that a platform computes in fastest.

    onnxruntime has no float16 convolution on a processor and would convert around each one. TensorRT is given float32 and
    lowers it by itself where that is safe.
    """
    return "fp32" if platform in ("cpu", "cuda-tensorrt") else "fp16"
