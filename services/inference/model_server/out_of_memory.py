"""Distinguishing a lack of memory from other failures of a model."""

from __future__ import annotations

import re

from services.platform.errors import DarkroomError, ErrorReason

# In order: CUDA's runtime and driver, PyTorch, TensorRT; cuBLAS and cuDNN; onnxruntime's arena, on any device; Triton's Python backend,
# whose tensors pass through shared memory; C++ and numpy.
_SIGNS = re.compile(
    r"out of memory|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|OutOfMemory|insufficient memory"
    r"|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED"
    r"|Failed to allocate memory|BFCArena"
    r"|shared memory pool"
    r"|bad_alloc|MemoryError|(Unable to|Cannot) allocate",
    re.IGNORECASE,
)


class OutOfMemory(DarkroomError):
    """A model had too little memory for what it was given. Less at once may succeed; if not, another worker or a later attempt may."""

    def __init__(self, message: str = "The model server has too little memory for this picture. Try again later.") -> None:
        super().__init__(ErrorReason.UNAVAILABLE, message)


def tells_of_memory(text: str) -> bool:
    """Whether the text of a model's error says that memory ran out."""
    return _SIGNS.search(text) is not None
