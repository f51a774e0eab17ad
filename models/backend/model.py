"""Triton's Python backend running `model.onnx`, the file next to this one, in onnxruntime.

The server's own onnxruntime backend does the same with one line of configuration; this one is for servers that have only the Python
backend. On the processor, an instance runs one session. On a GPU, the sessions of all models run in one process (`gpu_process.py`), and an
instance hands them its pictures. Parameters of config.pbtxt:

- `execution_batch_size`: rows of several requests that run together. 1 on a CPU, where a batch takes as long as its rows one by one and
  would only delay the first result.
- on a CPU, `intra_op_threads` (0: every core this process may use)
- on a GPU, `batch_sizes`: numbers of rows that the network is given; what is less is padded, what is more runs in parts. And
  `gpu_memory_mib`, for what one run needs (0: no limit). Tests set `gpu_provider`, onnxruntime's provider in place of that for CUDA.
"""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import triton_python_backend_utils as pb_utils
from batching import plan_batches  # type: ignore[import-not-found]  # is next to this file in the repository
from numpy.typing import NDArray


class _Network(Protocol):
    def run(self, pictures: NDArray[np.uint8], abandoned: Any) -> NDArray[np.uint8]: ...

    def close(self) -> None: ...


class TritonPythonModel:
    """The class that the Python backend instantiates once per model instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the network. An exception here prevents the model, and by default the server, from starting."""
        config = json.loads(args["model_config"])
        self._input = config["input"][0]["name"]
        self._output = config["output"][0]["name"]
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        self._execution_batch_size = int(parameters["execution_batch_size"])
        file = Path(args["model_repository"], args["model_version"], "model.onnx")
        # On a GPU, this process does not need onnxruntime.
        if args["model_instance_kind"] == "GPU" or "gpu_provider" in parameters:
            from gpu_network import GpuNetwork  # type: ignore[import-not-found]

            sizes = [int(size) for size in parameters["batch_sizes"].split(",")]
            device, provider = int(args["model_instance_device_id"]), parameters.get("gpu_provider", "CUDAExecutionProvider")
            self._network: _Network = GpuNetwork(file, device, provider, sizes, int(parameters["gpu_memory_mib"]))
        else:
            from cpu_network import CpuNetwork  # type: ignore[import-not-found]

            self._network = CpuNetwork(file, int(parameters["intra_op_threads"]))

    def finalize(self) -> None:
        """Ends what `initialize` has started."""
        self._network.close()

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
            pictures = images[0] if len(images) == 1 else np.concatenate(images)
            result = self._network.run(pictures, lambda: all(request.is_cancelled() for request in requests))
        # Any exception of onnxruntime, such as a lack of memory, belongs to these requests and not to the server.
        except Exception as error:  # noqa: BLE001
            if len(batch) > 1:
                # Requests that fail together may succeed one by one, so that only the culprits fail.
                for item in batch:
                    self._answer([item])
            elif not _answered_as_cancelled(requests[0]):
                _finish(requests[0], error=pb_utils.TritonError(f"{type(error).__name__}: {error}"))
            return
        rows = np.cumsum([len(image) for image in images])
        for request, part in zip(requests, np.split(result, rows[:-1]), strict=True):
            _finish(request, output_tensors=[pb_utils.Tensor(self._output, part)])


def _answered_as_cancelled(request: Any) -> bool:
    """Answers a request whose client has disconnected, so that nothing more is computed for it."""
    if not request.is_cancelled():
        return False
    _finish(request, error=pb_utils.TritonError("the request was cancelled", pb_utils.TritonError.CANCELLED))
    return True


def _finish(request: Any, **response: Any) -> None:
    request.get_response_sender().send(pb_utils.InferenceResponse(**response), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
