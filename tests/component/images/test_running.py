"""The images, built and run as compose.yaml has it: unprivileged, with nothing to write to, and up to a cut-out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.network import why_not_here

TESTS = Path(__file__).with_name("running.py")
pytestmark = [
    pytest.mark.skipif(not os.environ.get("DARKROOM_IMAGE_TESTS"), reason="takes minutes: DARKROOM_IMAGE_TESTS=1"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not shutil.which("buildah"), reason="needs buildah"),
    pytest.mark.skipif(not shutil.which("mmdebstrap"), reason="needs mmdebstrap"),
    pytest.mark.timeout(3000),
]


def test_the_images_are_built_and_run() -> None:
    # Built here, since the network of what is run has no way out.
    command = [sys.executable, "-m", "deploy.images", "services", "triton-cpu", "--builder=buildah", "--python=debian"]
    authorities = os.environ.get("SSL_CERT_FILE")
    subprocess.run([*command, *(("--authorities", authorities) if authorities else ())], check=True)
    isolated = ("unshare", "--net")
    if problem := why_not_here(isolated):
        pytest.skip(f"the images were built, and not run: {problem}")
    tests = [sys.executable, "-m", "pytest", "-s", "--timeout=900", "-p", "no:cacheprovider", str(TESTS)]
    assert subprocess.run([*isolated, *tests], check=False).returncode == 0, "see above"
