"""An installation folder, and its secrets as Kubernetes has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.installation import Installation, create
from deploy.installation.manifests import manifests


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """With the defaults of `darkroom-admin create`."""
    folder: Path = tmp_path_factory.mktemp("kubernetes") / "installation"
    return create(folder, public_url="http://localhost:8080")


@pytest.fixture(scope="session")
def secrets(installation: Installation) -> dict[str, set[str]]:
    """The keys of each Secret and ConfigMap that `darkroom-admin kubernetes` prints."""
    objects: list[dict[str, Any]] = manifests(installation)
    return {one["metadata"]["name"]: set(one.get("stringData", {})) | set(one.get("data", {})) for one in objects}
