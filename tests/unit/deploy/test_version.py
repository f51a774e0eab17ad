"""The version stands in pyproject.toml. Files that cannot read it there say the same."""

from __future__ import annotations

import re

import pytest

from deploy.local.layout import REPOSITORY
from services.platform.version import version

WRITTEN = {
    "deploy/compose/compose.yaml": r"DARKROOM_VERSION:-([^}]*)\}",
    "deploy/compose/env.example": r"^#DARKROOM_VERSION=(.*)",
    "deploy/kubernetes/overlays/laptop/kustomization.yaml": r"newTag: ([\d.]*)",
    "deploy/kubernetes/overlays/production/kustomization.yaml": r"newTag: ([\d.]*)",
    "docs/changelog.md": r"\A# Changelog\n\n(?:## Unreleased\n\n(?:[^#\n].*\n|\n)*)?## (\S+)",
}


@pytest.mark.parametrize("file", WRITTEN)
def test_files_that_cannot_read_the_version_say_the_same(file: str) -> None:
    assert set(re.findall(WRITTEN[file], (REPOSITORY / file).read_text(), re.M)) == {version()}
