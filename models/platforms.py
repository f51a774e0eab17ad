"""The platforms that a model repository can be rendered for."""

from typing import Literal, TypeAlias, get_args

Platform: TypeAlias = Literal["cpu", "cuda", "cuda-onnxruntime", "cuda-tensorrt"]
"""`cpu`: Triton's Python backend with onnxruntime on the CPU. `cuda`: the same on the GPU. `cuda-onnxruntime`: the server's own onnxruntime
backend. `cuda-tensorrt`: the latter with TensorRT as its accelerator."""

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
PYTHON_BACKEND: frozenset[Platform] = frozenset({"cpu", "cuda"})

Precision: TypeAlias = Literal["fp32", "fp16"]


def precision_for(platform: Platform) -> Precision:
    """The precision that a platform computes in fastest.

    onnxruntime has no float16 convolution on a CPU and would convert around each one. TensorRT gets float32 and lowers the precision itself
    where that is safe.
    """
    return "fp32" if platform in ("cpu", "cuda-tensorrt") else "fp16"
