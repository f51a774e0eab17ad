"""Triton's Python backend running `model.onnx`, the file next to this one, in onnxruntime.

The server's own onnxruntime backend does the same with one line of configuration; this one is for servers that have only the Python
backend. One instance runs one session. Parameters of config.pbtxt: `intra_op_threads` (0: every core this process may use) and
`execution_batch_size` (rows that run together: 1 on a CPU, where a batch takes as long as its rows one by one and would only delay the
first result).
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils
from batching import plan_batches  # type: ignore[import-not-found]  # is next to this file in the repository
from cuda_libraries import PROVIDER, load, require_gpu  # type: ignore[import-not-found]
from idle_memory import IdleRelease, release  # type: ignore[import-not-found]
from numpy.typing import NDArray

_CANCELLATION_POLL_S = 0.25
_IDLE_S = 5.0
"""Idle seconds after which the memory of activations is released: IS-Net then rests at 0.5 GB instead of 0.9 GB. Releasing it after each
run would cost 5 % of the run time, since the next run must allocate it all again."""


class TritonPythonModel:
    """The class that the Python backend instantiates once per model instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the network. An exception here prevents the model, and by default the server, from starting."""
        config = json.loads(args["model_config"])
        self._input = config["input"][0]["name"]
        self._output = config["output"][0]["name"]
        self._on_gpu = args["model_instance_kind"] == "GPU"
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        self._execution_batch_size = int(parameters["execution_batch_size"])
        self._session = onnxruntime.InferenceSession(
            Path(args["model_repository"], args["model_version"], "model.onnx"),
            sess_options=_session_options(int(parameters["intra_op_threads"])),
            providers=_gpu_providers(args["model_instance_device_id"]) if self._on_gpu else ["CPUExecutionProvider"],
        )
        if self._on_gpu:
            require_gpu(self._session)
        self._memory = IdleRelease(lambda: release(self._session, self._input, self._last), _IDLE_S)
        if not self._on_gpu:
            self._memory.start()

    def finalize(self) -> None:
        """Ends what `initialize` has started."""
        self._memory.close()

    def execute(self, requests: list[Any]) -> None:
        """Runs the requests in as few batches as allowed and answers each as soon as its batch is done."""
        images = [pb_utils.get_input_tensor_by_name(request, self._input).as_numpy() for request in requests]
        for batch in plan_batches([image.shape for image in images], self._execution_batch_size):
            self._answer([(requests[index], images[index]) for index in batch])

    def _answer(self, batch: list[tuple[Any, NDArray[np.uint8]]]) -> None:
        batch = [item for item in batch if not _answered_as_cancelled(item[0])]
        if not batch:
            return
        requests, images = zip(*batch, strict=True)
        try:
            results = self._run(requests, images)
        # Any exception of onnxruntime, such as a lack of memory, belongs to these requests and not to the server.
        except Exception as error:  # noqa: BLE001
            if len(batch) > 1:
                # Requests that fail together may succeed one by one, so that only the culprits fail.
                for item in batch:
                    self._answer([item])
            elif not _answered_as_cancelled(requests[0]):
                _finish(requests[0], error=pb_utils.TritonError(f"{type(error).__name__}: {error}"))
            return
        for request, result in zip(requests, results, strict=True):
            _finish(request, output_tensors=[pb_utils.Tensor(self._output, result)])

    def _run(self, requests: tuple[Any, ...], images: tuple[NDArray[np.uint8], ...]) -> list[NDArray[np.uint8]]:
        batch = images[0] if len(images) == 1 else np.concatenate(images)
        options = onnxruntime.RunOptions()
        self._last = batch[:1]
        with self._memory.running(), _ended_by_cancellation(requests, options):
            (result,) = self._session.run([self._output], {self._input: batch}, options)
        rows = np.cumsum([len(image) for image in images])
        return np.split(result, rows[:-1])


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # Without an explicit number onnxruntime counts the machine's cores and pins threads to them, even in a container or
    # under an affinity mask that grants fewer.
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    # Threads that spin between operators take cores from the machine's other processes and gain nothing measurable here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _gpu_providers(device_id: str) -> list[Any]:
    load()
    return [(PROVIDER, {"device_id": int(device_id)}), "CPUExecutionProvider"]


@contextmanager
def _ended_by_cancellation(requests: tuple[Any, ...], options: onnxruntime.RunOptions) -> Iterator[None]:
    """Stops the run at its next operator once no client is waiting for it; the session then raises."""
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(_CANCELLATION_POLL_S):
            if all(request.is_cancelled() for request in requests):
                options.terminate = True
                return

    watcher = threading.Thread(target=watch, name="cancellation")
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _answered_as_cancelled(request: Any) -> bool:
    """Answers a request whose client has disconnected, so that nothing more is computed for it."""
    if not request.is_cancelled():
        return False
    _finish(request, error=pb_utils.TritonError("the request was cancelled", pb_utils.TritonError.CANCELLED))
    return True


def _finish(request: Any, **response: Any) -> None:
    request.get_response_sender().send(pb_utils.InferenceResponse(**response), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
