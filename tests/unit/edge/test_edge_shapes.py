"""How values of the types of requests are told to clients."""

from __future__ import annotations

from edge.shapes import Shape, lists, shapes


def test_shapes() -> None:
    found = shapes()
    assert found["darkroom.rest.v1.SourceFile"] == Shape("an object", "a list of objects")
    assert found["darkroom.operations.v1.Upscale"] == Shape("an object", "an object")
    assert found["google.protobuf.Timestamp"].alone.startswith("a time")
    enhancement = found["darkroom.operations.v1.Enhancement"]
    assert enhancement.text == "one of " + ", ".join(enhancement.allowed_values)
    assert "ENHANCEMENT_UNSPECIFIED" not in enhancement.allowed_values
    assert not [name for name in found if name.endswith("Envelope")]


def test_lists() -> None:
    found = lists()
    assert found.texts["file_ids"] == found.texts["items[].file_ids"] == "a list of strings"
    assert found.texts["items[].operations"] == "a list of objects"
    assert "items[].operations[].upscale" not in found.texts
    assert found.of_paths["^/v1/batches/?$"] == ("items", "operations")
    assert found.of_paths["^/v1/images/remove%-background/?$"] == ()
