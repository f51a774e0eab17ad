"""Triton: the model server, in a virtual environment of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Protocol

from deploy.local.config import StackConfig, digest_of
from deploy.local.errors import NotReady, PartFailed
from deploy.local.layout import REPOSITORY
from deploy.local.program import Program


class ModelIndex(Protocol):
    """Triton's report about a model; `reason` is why it is not READY."""

    name: str
    state: str
    reason: str


def triton(config: StackConfig) -> Program:
    """The model server of a stack, on Unix sockets."""
    repository, trace_url = config.settings.models, config.settings.trace_url

    async def prepare() -> None:
        if not repository.is_dir():
            raise PartFailed("triton", f"no models are installed in {repository}; run `make models`")
        if not (config.settings.triton_venv / "bin" / "python").exists():
            raise PartFailed("triton", f"{config.settings.triton_venv} is not a virtual environment; run `make setup`")

    def check() -> None:
        """Triton reports itself ready when every model of its repository is loaded and warm."""
        models = loaded_models(config)
        # One that was unloaded while the platform ran is about to be removed.
        unready = [f"{one.name}: {one.reason or one.state}" for one in models if one.state != "READY" and one.reason != "unloaded"]
        if unready:
            raise NotReady("; ".join(unready))

    return Program(
        name="triton",
        command=(
            sys.executable,
            "-m",
            "models.serve",
            f"--repository={repository}",
            f"--venv={config.settings.triton_venv}",
            f"--sockets={config.layout.run}",
            f"--metrics-port={config.ports.triton_metrics}",
            "--exit-timeout=3",
            *([f"--trace-url={trace_url}"] if trace_url else []),
        ),
        environment={"TMPDIR": str(config.layout.tmp)},
        configure=lambda: digest_of([*sorted(repository.rglob("config.pbtxt")), REPOSITORY / "models"]),
        prepare=prepare,
        ready=lambda: asyncio.to_thread(check),
        ready_seconds=180,
    )


def loaded_models(config: StackConfig) -> Sequence[ModelIndex]:
    """The models that Triton has loaded. Raises NotReady while it does not answer, or is loading them."""
    # Loads numpy, which commands that do not ask Triton can do without.
    import tritonclient.grpc as triton_client
    from tritonclient.utils import InferenceServerException

    client = triton_client.InferenceServerClient(config.triton_address)
    try:
        if not client.is_server_ready(client_timeout=2):
            raise NotReady("models are loading")
        return list(client.get_model_repository_index(client_timeout=2).models)
    except InferenceServerException as error:
        raise NotReady(str(error)) from error
    finally:
        client.close()
