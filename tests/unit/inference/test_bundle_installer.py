"""What is told of an installer that has failed."""

from __future__ import annotations

import pytest

from services.inference.bundles.commands import problem_of


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("fetching lama\nerror: lama: not installed", "lama: not installed"),
        (
            "error: https://models.example/a/b.onnx: [Errno -2] Name or service not known",
            "https://models.example/a/b.onnx: [Errno -2] Name or service not known",
        ),
        ("error: /srv/darkroom/.cache/models/manifest.json: not a manifest", "manifest.json: not a manifest"),
        ("error: [Errno 28] No space left on device: '/srv/darkroom/models/x'", "[Errno 28] No space left on device: 'x'"),
    ],
)
def test_only_the_last_problem_is_told_without_the_folders_of_the_machine(said: str, told: str) -> None:
    assert problem_of(said) == told
