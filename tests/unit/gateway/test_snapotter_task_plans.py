"""Plans of tasks: every tool becomes operations that a batch takes, with the files and names that its form would give it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import pytest
from buf.validate import validate_pb2
from google.protobuf import json_format
from starlette.requests import Request

from darkroom.accounts.v1 import features_service_pb2
from darkroom.tasks.v1 import batches_service_pb2
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.installation.enabled_tools import EnabledTools
from services.gateway.surfaces.snapotter.installation.features import FeatureMissing, Features
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.pipelines.task_plans import MOST_OPERATIONS, TaskPlans
from services.gateway.surfaces.snapotter.tool import Tool
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from services.pictures.operations import auxiliary_inputs, parameters_of, spec_of
from services.platform.identity import Identity
from services.platform.rpc.validation import RequestValidator
from services.tasks.domain.plan import check_pipeline

_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "collage": {"templateId": "2-h-equal"},
    "content-aware-resize": {"width": 10},
    "convert": {"format": "png"},
    "crop": {"left": 0, "top": 0, "width": 5, "height": 5},
    "passport-photo": {"countryCode": "US"},
    "qr-generate": {"text": "a"},
    "resize": {"width": 5},
    "text-overlay": {"text": "a"},
    "watermark-text": {"text": "a"},
}
"""What a tool cannot do without."""
_TASKS = sorted(tool.id for tool in TOOLS.values() if not tool.as_task.instead)
_OTHERS: Sequence[tuple[str, Mapping[str, Any]]] = [
    ("adjust-colors", {"brightness": 20, "effect": "sepia", "red": 120}),
    ("barcode-read", {"tryHarder": False}),
    ("blur-faces", {"blurRadius": 40, "sensitivity": 0.7}),
    ("border", {"width": 3, "cornerRadius": 12, "shadow": True}),
    ("bulk-rename", {"pattern": "a-{{padded}}", "startIndex": 7}),
    ("collage", {"templateId": "3-left-large", "cells": [{"imageIndex": 0}], "outputFormat": "jpeg", "quality": 70}),
    ("colorize", {"intensity": 0.5}),
    ("compose", {"x": 5, "y": 6, "blend": "multiply"}),
    ("compress", {"mode": "targetSize", "targetSizeKb": 50}),
    ("content-aware-resize", {"square": True, "protectFaces": True}),
    ("convert", {"format": "avif", "quality": 40}),
    ("crop", {"aspectRatio": "16:9"}),
    ("edit-metadata", {"title": "a", "keywords": ["b"], "gpsLatitude": 1, "gpsLongitude": 2, "dateShift": "+1:30"}),
    ("enhance-faces", {"strength": 0.4, "onlyCenterFace": True}),
    ("erase-object", {"format": "webp", "quality": 80}),
    ("find-duplicates", {"threshold": 3}),
    ("gif-tools", {"mode": "extract", "extractMode": "all"}),
    ("gif-tools", {"mode": "rotate", "angle": 90, "flipH": True}),
    ("image-enhancement", {"mode": "portrait", "corrections": {"denoise": False}}),
    ("image-to-pdf", {"pageSize": "A5", "orientation": "landscape", "targetSize": {"value": 1, "unit": "MB"}}),
    ("noise-removal", {"tier": "quick", "format": "webp", "quality": 50}),
    ("ocr", {"quality": "fast", "language": "en"}),
    ("optimize-for-web", {"format": "avif", "maxWidth": 100}),
    ("passport-photo", {"countryCode": "x", "customWidthMm": 30, "customHeightMm": 40}),
    ("pdf-to-image", {"format": "jpg", "pages": "1,3-5", "colorMode": "bw"}),
    ("qr-generate", {"data": "a", "style": "dots", "errorCorrectionLevel": "H"}),
    ("red-eye-removal", {"format": "jpg", "quality": 80}),
    ("remove-background", {"backgroundType": "gradient", "shadowEnabled": True}),
    ("remove-background", {"backgroundType": "image", "blurEnabled": True}),
    ("replace-color", {"makeTransparent": True}),
    ("resize", {"width": 50, "contentAware": True}),
    ("restore-photo", {"mode": "heavy", "colorize": True}),
    ("rotate", {"angle": -30, "flip": "both"}),
    ("sharpening", {"method": "high-pass", "denoise": "light"}),
    ("smart-crop", {"mode": "trim", "padToSquare": True, "targetSize": 100}),
    ("split", {"tileWidth": 20, "tileHeight": 30, "outputFormat": "webp"}),
    ("stitch", {"direction": "grid", "gridColumns": 3, "resizeMode": "crop", "format": "jpeg"}),
    ("strip-metadata", {"stripAll": False, "stripGps": True}),
    ("svg-to-raster", {"width": 100, "backgroundColor": "#ffffff", "outputFormat": "tiff"}),
    ("text-overlay", {"text": "a", "position": "top", "backgroundBox": True}),
    ("transparency-fixer", {"outputFormat": "webp"}),
    ("upscale", {"scale": 1.5, "faceEnhance": True, "format": "webp"}),
    ("vectorize", {"colorMode": "color", "pathMode": "polygon"}),
    ("watermark-image", {"position": "top-left", "scale": 10}),
    ("watermark-text", {"text": "a", "tile": True, "rotation": 45}),
]
_SEVERAL = ("collage", "compare", "favicon", "find-duplicates", "image-to-pdf", "stitch")
_validator = RequestValidator()


class _Enabled:
    def __init__(self, disabled: Collection[str]) -> None:
        self._disabled = frozenset(disabled)

    async def disabled_ids(self) -> frozenset[str]:
        return self._disabled


class _Features:
    def __init__(self, lacking: Collection[str]) -> None:
        self._lacking = lacking

    async def missing(self, tools: Collection[Tool], _identity: Identity) -> Mapping[str, features_service_pb2.Bundle]:
        return {tool.id: features_service_pb2.Bundle(id=tool.id, name="Models") for tool in tools if tool.id in self._lacking}


async def planned(body: object, *, disabled: Collection[str] = (), lacking: Collection[str] = (), most_pages: int = 0) -> Any:
    """The reply to a body, where some tools are disabled and some lack models."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    headers = [(b"content-type", b"application/json")]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    reader = PipelineReader(TOOLS, cast(EnabledTools, _Enabled(disabled)), cast(Features, _Features(lacking)), 0)
    reply = await TaskPlans(reader, most_pages).plan(request, cast(Identity, None))
    return json.loads(bytes(reply.body))


async def refused(body: object, **installed: Collection[str]) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await planned(body, **installed)
    return raised.value


def one(tool: str, settings: Mapping[str, Any] | None = None, **fields: object) -> dict[str, object]:
    return {"steps": [{"toolId": tool, "settings": settings or {}}]} | fields


def accepted(reply: Mapping[str, Any], inputs: int) -> batches_service_pb2.CreateBatchRequest:
    """The batch that takes the planned operations, with ids in the places that the plan names."""
    for file in reply["files"]:
        operation, parameter = file["field"].split(".")
        reply["operations"][file["operation"]][operation][parameter] = "5"
    item = {"input_file_ids": [str(number + 1) for number in range(inputs)], "operations": reply["operations"]}
    request = json_format.ParseDict({"items": [item], "operations": reply["operations"]}, batches_service_pb2.CreateBatchRequest())
    assert list(_validator.faults(request)) == []
    check_pipeline(request.operations, inputs, diagnostics=False)
    return request


def inputs_of(tool: str) -> int:
    return 0 if tool == "qr-generate" else 2 if tool in _SEVERAL else 1


@pytest.mark.parametrize("tool", _TASKS)
async def test_every_tool_is_a_task_with_what_its_settings_are_by_default(tool: str) -> None:
    inputs = inputs_of(tool)
    body = one(tool, _NEEDED.get(tool), fileCount=inputs)
    reply = await planned(body | {"names": ["a.png"]} if tool == "bulk-rename" else body)
    request = accepted(reply, inputs)
    assert reply["steps"] == [{"toolId": tool, "operations": len(request.operations)}]
    named = [each.field for operation in request.operations for each in auxiliary_inputs(operation)]
    assert named == [file["field"].rpartition(".")[2] for file in reply["files"]]


@pytest.mark.parametrize(("tool", "settings"), _OTHERS)
async def test_other_settings_make_other_tasks(tool: str, settings: Mapping[str, Any]) -> None:
    names = {"names": ["a.jpg"]} if tool == "bulk-rename" else {}
    reply = await planned(one(tool, settings, name="photo.jpg") | names)
    request = accepted(reply, inputs_of(tool))
    default = await planned(one(tool, _NEEDED.get(tool), name="photo.jpg") | names)
    assert reply["operations"] != default["operations"]
    assert [spec_of(each).name for each in request.operations] == [next(iter(each)) for each in reply["operations"]]


async def test_files_besides_those_of_the_task() -> None:
    async def files(tool: str, settings: Mapping[str, Any] | None = None) -> object:
        return (await planned(one(tool, settings)))["files"]

    assert await files("erase-object") == [{"part": "mask", "operation": 0, "field": "erase.mask_file_id"}]
    assert await files("watermark-image") == [{"part": "watermark", "operation": 0, "field": "compose.overlay_file_id"}]
    assert await files("compose") == [{"part": "overlay", "operation": 0, "field": "compose.overlay_file_id"}]
    behind = {"part": "backgroundImage", "operation": 0, "field": "remove_background.background_file_id"}
    assert await files("remove-background", {"backgroundType": "image"}) == [behind]
    assert await files("remove-background", {"backgroundType": "blur"}) == []
    steps = [{"toolId": "resize", "settings": {"width": 9}}, {"toolId": "remove-background", "settings": {"backgroundType": "image"}}]
    assert (await planned({"steps": steps}))["files"] == [behind | {"operation": 2}]


async def test_a_picture_behind_is_blurred_with_it() -> None:
    reply = await planned(one("remove-background", {"backgroundType": "image", "blurEnabled": True, "blurIntensity": 20}))
    assert parameters_of(accepted(reply, 1).operations[0]).effects.blur == 20  # type: ignore[attr-defined]


async def test_what_a_form_adds_to_a_plan() -> None:
    async def first(tool: str, settings: Mapping[str, Any] | None = None, **fields: object) -> Any:
        return (await planned(one(tool, settings, **fields)))["operations"][0]

    assert (await first("favicon", names=["logo.png", "b/c.d.svg"]))["favicons"] == {"names": ["logo", "c.d"]}
    assert (await first("favicon"))["favicons"] == {}
    renamed = await first("bulk-rename", {"pattern": "x{{padded}}"}, names=["a.png"] * 10)
    assert renamed["archive"]["entry_names"][0] == "x01.png"
    assert "name" not in (await first("split"))["split"]
    assert (await first("split", name="photo.jpg"))["split"]["name"] == "photo"
    preview = await planned(one("pdf-to-image-preview"), most_pages=7)
    assert preview["operations"] == [{"inspect_pdf": {"thumbnails": True, "max_thumbnails": 7}}]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (one("convert", {"format": "webp"}, name="photo.jpg"), "photo.webp"),
        (one("convert", {"format": "webp"}), None),
        (one("upscale", name="a.heic"), "a_2x.png"),
        (one("resize", {"width": 5}, name="photo.jpg"), None),
        (one("collage", {"templateId": "2-h-equal"}), "collage.png"),
        (one("edit-metadata", {"title": "a"}, name="a.heic"), None),
        ({"steps": [{"toolId": "blur-faces"}, {"toolId": "convert", "settings": {"format": "png"}}], "name": "x/y.jpg"}, "y_blurred.png"),
    ],
)
async def test_the_results_name(body: object, name: str | None) -> None:
    assert (await planned(body))["name"] == name


async def test_several_steps_are_one_task() -> None:
    steps = [{"toolId": "compress", "settings": {"quality": 40}}, {"toolId": "rotate", "settings": {"angle": 90}}]
    reply = await planned({"steps": steps, "name": "a.jpg"})
    assert reply["steps"] == [{"toolId": "compress", "operations": 1}, {"toolId": "rotate", "operations": 2}]
    assert [each.convert.quality for each in accepted(reply, 1).operations if each.HasField("convert")] == [40, 40]
    assert (await planned({"steps": [{"toolId": "rotate"}] * (MOST_OPERATIONS // 2)}))["operations"]
    too_many = await refused({"steps": [{"toolId": "rotate"}] * (MOST_OPERATIONS // 2 + 1)})
    assert (too_many.status, too_many.details) == (422, "They are 66 operations; a task of a batch has at most 64.")


def test_a_batch_takes_as_many_operations() -> None:
    field = batches_service_pb2.CreateBatchRequest.DESCRIPTOR.fields_by_name["operations"]
    assert field.GetOptions().Extensions[validate_pb2.field].repeated.max_items == MOST_OPERATIONS


@pytest.mark.parametrize("tool", sorted(TOOLS.keys() - {*_TASKS}))
async def test_tools_that_are_no_tasks(tool: str) -> None:
    refusal = await refused(one(tool))
    assert (refusal.status, refusal.error) == (422, f"Step 1 ({tool}): Cannot be run as a task")
    assert refusal.details


async def test_some_tools_must_be_the_only_step() -> None:
    for tool in (tool for tool in _TASKS if not TOOLS[tool].pipeline):
        refusal = await refused({"steps": [{"toolId": "rotate"}, {"toolId": tool, "settings": _NEEDED.get(tool, {})}]})
        assert (refusal.status, refusal.error) == (422, f"Step 2 ({tool}): Must be the only step")


@pytest.mark.parametrize(
    ("body", "error", "path"),
    [
        ([], "Invalid pipeline definition", "steps"),
        ({"steps": []}, "Invalid pipeline definition", "steps"),
        (one("resize", {"width": 5}, name=5), "Invalid pipeline definition", "name"),
        (one("resize", {"width": 5}, names="a"), "Invalid pipeline definition", "names"),
        (one("resize", {"width": 5}, fileCount="1"), "Invalid pipeline definition", "fileCount"),
        (one("resize", {"width": 5}, fileCount=1.5), "Invalid pipeline definition", "fileCount"),
        (one("resize", {"width": 5}, fileCount=501), "Invalid pipeline definition", "fileCount"),
        (one("favicon", names=["a", "b"], fileCount=3), "Invalid pipeline definition", "fileCount"),
        (one("resize", {"width": 0}), "Step 1 (resize): Invalid settings", "width"),
        (one("resize"), "Step 1 (resize): Invalid settings", ""),
        (one("compare", fileCount=1), "Step 1 (compare): Takes 2 files", "fileCount"),
        (one("compare", fileCount=3), "Step 1 (compare): Takes 2 files", "fileCount"),
        (one("stitch", fileCount=1), "Step 1 (stitch): Takes 2 to 500 files", "fileCount"),
        (one("rotate", fileCount=0), "Step 1 (rotate): Takes 1 to 500 files", "fileCount"),
        (one("qr-generate", {"text": "a"}, fileCount=1), "Step 1 (qr-generate): Takes 0 files", "fileCount"),
        (one("bulk-rename"), "No files provided", "names"),
        (one("pdf-to-image", {"pages": "3-1"}), "Invalid page range: start exceeds end", "pages"),
        (one("image-to-pdf", {"targetSize": {"value": 1, "unit": "KB"}}), "Target size must be at least 50KB", "targetSize"),
    ],
)
async def test_refused_bodies_name_what_is_wrong(body: object, error: str, path: str) -> None:
    refusal = await refused(body)
    assert (refusal.status, refusal.error) == (400, error)
    assert isinstance(refusal.details, list)
    assert [fault["path"] for fault in refusal.details] == [path]


async def test_what_is_not_installed() -> None:
    for tool in ("nothing", "ocr", "rotate"):
        refusal = await refused(one(tool), disabled=["ocr", "rotate"])
        assert (refusal.status, refusal.error) == (400, f"Step 1 ({tool}): Tool not found or not available")
    missing = await refused(one("ocr"), lacking=["ocr"])
    assert isinstance(missing, FeatureMissing)
    assert json.loads(bytes(missing.response().body))["feature"] == "ocr"
    assert (await planned(one("info"), lacking=["ocr"]))["operations"] == [{"inspect_picture": {}}]
