"""Triton's Python backend running a `diffusers` pipeline: a prompt in, a picture out; with a reference, drawn over it.

Parameters of config.pbtxt: `weights`, the folder that the pipeline was saved to. It computes in bfloat16 on a GPU, and in float32 on a CPU,
where bfloat16 is emulated. One instance draws one picture at a time. A request that its client has abandoned ends after the current step.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import triton_python_backend_utils as pb_utils
from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image
from numpy.typing import NDArray
from PIL import Image


class _GivenUp(Exception):
    """The client is no longer waiting for the picture."""


class TritonPythonModel:
    """The class that the Python backend instantiates once per model instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads the pipeline. An exception here prevents the model, and by default the server, from starting."""
        weights = json.loads(args["model_config"])["parameters"]["weights"]["string_value"]
        on_gpu = args["model_instance_kind"] == "GPU"
        self._device = f"cuda:{args['model_instance_device_id']}" if on_gpu else "cpu"
        dtype = torch.bfloat16 if on_gpu else torch.float32
        self._from_text = AutoPipelineForText2Image.from_pretrained(weights, torch_dtype=dtype, local_files_only=True).to(self._device)
        # The same weights, not a second copy of them.
        self._from_image = AutoPipelineForImage2Image.from_pipe(self._from_text, torch_dtype=dtype)
        for pipeline in (self._from_text, self._from_image):
            pipeline.set_progress_bar_config(disable=True)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Draws one picture per request."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            picture = self._draw(request)
        except _GivenUp:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError("given up", pb_utils.TritonError.CANCELLED))
        # Any exception of the pipeline, such as a lack of memory, belongs to this request and not to the server.
        except Exception as error:  # noqa: BLE001
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(f"{type(error).__name__}: {error}"))
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("image", picture)])

    def _draw(self, request: Any) -> NDArray[np.uint8]:
        given = _inputs(request)
        options: dict[str, Any] = {
            "prompt": given["prompt"][0].decode(),
            "width": int(given["width"][0]),
            "height": int(given["height"][0]),
            "num_inference_steps": int(given["steps"][0]),
            "guidance_scale": float(given["guidance"][0]),
            "generator": torch.Generator(self._device).manual_seed(int(given["seed"][0])),
            "callback_on_step_end": _ended_by(request),
            "output_type": "np",
        }
        if negative := given["negative_prompt"][0].decode():
            options["negative_prompt"] = negative
        pipeline = self._from_text
        if "reference" in given:
            pipeline = self._from_image
            options |= {"image": Image.fromarray(given["reference"]), "strength": float(given["strength"][0])}
        (picture,) = pipeline(**options).images
        if not np.isfinite(picture).all():
            raise ValueError("the pipeline gave values that are no numbers")
        drawn: NDArray[np.uint8] = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
        return drawn


def _inputs(request: Any) -> dict[str, NDArray[Any]]:
    """The inputs that were sent, by name."""
    return {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}


def _ended_by(request: Any) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
    """A callback of `diffusers` after each step."""

    def after_step(_pipeline: Any, _step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if request.is_cancelled():
            raise _GivenUp
        return tensors

    return after_step
