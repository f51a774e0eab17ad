"""What the owner of a task is told, by what went wrong."""

import errno

import pytest

from services.inference.model_server.out_of_memory import OutOfMemory, tells_of_memory
from services.inference.worker.client import failure_of
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.object_http import ObjectHttpError
from services.platform.sandbox import SandboxCrashed, SandboxFailed, SandboxLost, SandboxOutOfMemory, SandboxTimedOut


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ObjectHttpError("refused 10.0.0.7"), ErrorReason.UNAVAILABLE),
        (MemoryError(), ErrorReason.UNAVAILABLE),
        (OutOfMemory(), ErrorReason.UNAVAILABLE),
        (OSError(errno.ENOSPC, "No space left on device", "/secret/path"), ErrorReason.UNAVAILABLE),
        (OSError(errno.EACCES, "Permission denied", "/secret/path"), ErrorReason.INTERNAL),
        (SandboxTimedOut("cpu"), ErrorReason.MEDIA_LIMIT_EXCEEDED),
        (SandboxOutOfMemory("killed"), ErrorReason.MEDIA_LIMIT_EXCEEDED),
        (SandboxCrashed("ended by signal 11"), ErrorReason.FILE_CORRUPT),
        (SandboxLost("the process that forks children died"), ErrorReason.UNAVAILABLE),
        (SandboxFailed("KeyError", "Traceback /secret/path"), ErrorReason.INTERNAL),
        (ZeroDivisionError("/secret/path"), ErrorReason.INTERNAL),
    ],
)
def test_every_failure_has_a_reason_and_tells_nothing_internal(raised: Exception, reason: ErrorReason) -> None:
    failure = failure_of(raised)
    assert failure.reason is reason
    assert failure.message.endswith(".")
    for internal in ("/secret", "10.0.0.7", "Traceback", "signal", type(raised).__name__):
        assert internal not in failure.message


@pytest.mark.parametrize(
    ("text", "of_memory"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB", True),
        (
            "RuntimeException: [ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
            "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 905969664",
            True,
        ),
        ("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);", True),
        ("[ONNXRuntimeError] : 1 : FAIL : std::bad_alloc", True),
        ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 1.2 GiB for an array with shape (1, 9000, 9000, 4)", True),
        ("Failed to increase the shared memory pool size for key 'triton_python_backend_shm_region_1' to 67108864 bytes", True),
        ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: image", False),
        ("inference request batch-size must be <= 1 for 'isnet'", False),
        ("Stub process 'isnet_0_0' is not healthy.", False),
    ],
)
def test_a_lack_of_memory_is_told_from_other_failures_of_a_model(text: str, of_memory: bool) -> None:
    assert tells_of_memory(text) is of_memory


def test_a_typed_error_is_told_as_it_is() -> None:
    error = DarkroomError(ErrorReason.FILE_CORRUPT, "the JPEG picture is truncated")
    assert failure_of(error) is error
