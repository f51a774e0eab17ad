"""A model server on another host, reached by mutual TLS."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.local.certificates import certificate_folder, create_certificates
from deploy.local.layout import REPOSITORY, Layout
from deploy.local.scratch.resources import free_port
from deploy.local.scratch.triton import VENV
from services.inference.model_server.triton import Patience, connect
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.tls import MutualTls
from tests.harness.models import copy_models

MODEL = "isnet"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout.at(tmp_path / "stack")
    layout.keys.mkdir(parents=True)
    create_certificates(layout, ["triton", "inference", "files"])
    return layout


@pytest.fixture
def address(layout: Layout, tiny_models: Path, tmp_path: Path) -> Iterator[str]:
    """A server with one model, started for other hosts."""
    repository = copy_models(tiny_models, tmp_path / "models", MODEL)
    port = free_port()
    command = [sys.executable, "-m", "models.serve", f"--repository={repository}", f"--venv={VENV}"]
    command += [f"--grpc-address=127.0.0.1:{port}", f"--tls-dir={certificate_folder(layout, 'triton')}", f"--metrics-port={free_port()}"]
    with tempfile.TemporaryDirectory(prefix="darkroom-triton-") as sockets, (tmp_path / "triton.log").open("wb") as log:
        server = subprocess.Popen([*command, f"--sockets={sockets}"], cwd=REPOSITORY, stdout=log, stderr=log)
        try:
            yield f"127.0.0.1:{port}"
            assert sorted(path.name for path in Path(sockets).iterdir()) == ["triton-http.sock"]
        finally:
            server.terminate()
            server.wait()


async def test_only_certificates_of_the_installation_speak(address: str, layout: Layout) -> None:
    patient, impatient = Patience(120, 60, 600), Patience(0, 5, 1)
    picture = np.zeros((1, 1024, 1024, 3), np.uint8)
    async with connect(address, patient, tls=MutualTls(certificate_folder(layout, "inference"))) as triton:
        assert (await triton.infer(MODEL, picture)).shape[0] == 1
    stranger = Layout.at(layout.root.with_name("stranger"))
    stranger.keys.mkdir(parents=True)
    create_certificates(stranger, ["inference"])
    for tls in (None, MutualTls(certificate_folder(stranger, "inference"))):
        async with connect(address, impatient, tls=tls) as triton:
            with pytest.raises(DarkroomError) as refused:
                await triton.infer(MODEL, picture)
        assert refused.value.reason is ErrorReason.UNAVAILABLE
