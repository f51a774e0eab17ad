"""The libraries of CUDA, and NVIDIA's driver, that onnxruntime needs on a GPU; without them, it only warns and computes on the processor.

As a program, it ends with 1 and the reason on standard error if the GPU cannot be used.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import sys

import onnxruntime

PROVIDER = "CUDAExecutionProvider"
_INSTALL = "`make setup GPU=1` installs requirements/triton-gpu.txt, and with it all but the driver; `GPU=0` is for the processor."
_DRIVER = "`nvidia-smi` has to list a GPU here (in a container: start it with the GPU); CUDA 13 needs the driver 580 or newer."


class CudaError(Exception):
    """The GPU cannot be used. The message says what is missing, and how to get it."""


def load() -> None:
    """Loads CUDA and cuDNN, from the packages of this environment or else from the machine, for the sessions of this process.

    Raises CudaError if one is missing.
    """
    if PROVIDER not in onnxruntime.get_available_providers():
        raise CudaError(f"the models are for a GPU, and onnxruntime in {sys.prefix} is the one for processors. {_INSTALL}")
    # It prints what it does not find, and leaves it at that.
    with contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()
    version = _version()
    needed = [f"lib{name}.so.{version}" for name in ("cudart", "cublasLt", "cublas")] + ["libcurand.so.10", "libcudnn.so.9"]
    if missing := [name for name in needed if _opened(name) is None]:
        raise CudaError(
            f"the models are for a GPU, and onnxruntime does not find {', '.join(missing)} (CUDA {version}, cuDNN 9). {_INSTALL}"
        )


def check_driver() -> None:
    """Raises CudaError if NVIDIA's driver is missing, has no GPU, or is too old."""
    driver = _opened("libcuda.so.1")
    if driver is None:
        raise CudaError(f"the models are for a GPU, and NVIDIA's driver is not there: no libcuda.so.1. {_DRIVER}")
    if status := driver.cuInit(0):
        raise CudaError(f"the models are for a GPU, and NVIDIA's driver does not answer: cuInit gave the error {status}. {_DRIVER}")
    supported, count = ctypes.c_int(), ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(supported))
    if supported.value // 1000 < _version():
        known = f"{supported.value // 1000}.{supported.value % 1000 // 10}"
        raise CudaError(f"the models are for a GPU, and NVIDIA's driver is too old: it supports CUDA {known}, not {_version()}. {_DRIVER}")
    if driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        raise CudaError(f"the models are for a GPU, and NVIDIA's driver has none. {_DRIVER}")


def require_gpu(session: onnxruntime.InferenceSession) -> None:
    """Raises CudaError if a session that was made for the GPU runs on the processor."""
    if PROVIDER not in session.get_providers():
        check_driver()
        raise CudaError(f"onnxruntime {onnxruntime.__version__} did not load {PROVIDER}; the server's log says why. {_INSTALL}")


def _version() -> int:
    """The major version of CUDA that onnxruntime was built with."""
    return int(onnxruntime.cuda_version.partition(".")[0])


def _opened(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


if __name__ == "__main__":
    try:
        load()
        check_driver()
    except CudaError as error:
        sys.exit(str(error))
