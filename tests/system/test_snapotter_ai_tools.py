"""All tools of SnapOtter's API whose callers do not wait, against the table of its contract (section 10.1), through the public port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from darkroom import AsyncClient
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import Part, SnapOtter
from tests.system.snapotter_progress import events_of, result_of

PICTURE = encoded(disc(96, 64), "PNG")
ALWAYS = {"jobId", "downloadUrl", "originalSize", "processedSize"}


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    """Of the result of `shoe.png`."""
    failed: str
    """What the text of a failure begins with."""
    fields: frozenset[str] = frozenset()
    """More result fields."""
    may: frozenset[str] = frozenset()
    """Result fields that some pictures have."""
    wrong: Mapping[str, object] | None = None
    """Settings that are refused."""


def _row(name: str, failed: str, fields: str = "", may: str = "", wrong: Mapping[str, object] | None = None) -> Row:
    return Row(name, failed, frozenset(fields.split()), frozenset(may.split()), wrong)


TOOLS = {
    "remove-background": _row(
        "shoe_mask.png", "Background removal failed", "maskUrl originalUrl filename model", wrong={"backgroundType": "plaid"}
    ),
    "upscale": _row("shoe_2x.png", "Upscaling failed", "width height method", "previewUrl", {"format": 7}),
    "erase-object": _row("shoe_erased.png", "Object erasing failed", "method", "previewUrl"),
    "blur-faces": _row("shoe_blurred.png", "Face blur failed", "facesDetected faces", "warning", {"blurRadius": 101}),
    "enhance-faces": _row("shoe_enhanced.png", "Face enhancement failed", "previewUrl facesDetected faces model", wrong={"strength": 2}),
    "noise-removal": _row("shoe_denoised.png", "Noise removal failed", wrong={"tier": "extreme"}),
    "red-eye-removal": _row("shoe_redeye_fixed.png", "Red eye removal failed", "facesDetected eyesCorrected", wrong={"sensitivity": -1}),
    "restore-photo": _row(
        "shoe_restored.png",
        "Photo restoration failed",
        "width height steps scratchCoverage facesEnhanced isGrayscale colorized",
        "previewUrl",
        {"mode": "strong"},
    ),
    "transparency-fixer": _row("shoe_fixed.png", "Transparency fix failed", "filename", wrong={"defringe": 101}),
}
EVERY = pytest.mark.parametrize("tool", list(TOOLS))


async def called(caller: SnapOtter, tool: str, picture: bytes = PICTURE, settings: object = None) -> Any:
    """A reply to a form with everything that the tool needs."""
    parts: list[Part] = [("file", picture, "shoe.png")]
    if tool == "erase-object":
        parts.append(("mask", encoded(disc(96, 64), "PNG"), "mask.png"))
    if settings is not None:
        parts.append(("settings", json.dumps(settings)))
    return await caller.form(f"/api/v1/tools/{tool}", *parts)


@EVERY
async def test_the_job_is_told_at_once_and_its_result_as_in_the_table(person: SnapOtter, tool: str) -> None:
    row = TOOLS[tool]
    reply = await called(person, tool)
    assert (reply.status_code, reply.json().keys()) == (202, {"jobId", "async"}), reply.text
    assert reply.json()["async"] is True
    result = await result_of(person, reply.json()["jobId"])
    assert result.keys() - row.may == ALWAYS | row.fields
    assert result["downloadUrl"].endswith(f"/{row.name}")
    content = await person.download(result["downloadUrl"])
    assert (result["originalSize"], result["processedSize"]) == (len(PICTURE), len(content))
    assert opened(content).size == ((192, 128) if tool == "upscale" else (96, 64))


async def test_the_last_event_of_a_failure_says_which_work_failed(
    visitor: SnapOtter, native: AsyncClient, stack: StackUnderTest, account: Account
) -> None:
    caller, jobs = visitor.of(account.api_key), {}
    async with held(stack, account):
        for tool in TOOLS:
            reply = await called(caller, tool)
            assert reply.status_code == 202, reply.text
            jobs[tool] = reply.json()["jobId"]
        for task in await native.list_tasks():
            await native.cancel_task(task.id)
        told = await asyncio.wait_for(asyncio.gather(*(events_of(caller, job_id) for job_id in jobs.values())), 60)
    ends = [events[-1] for events in told]
    assert [(end["phase"], end["error"]) for end in ends] == [
        ("failed", f"{row.failed}: Cancelled by its owner.") for row in TOOLS.values()
    ]
    assert not any("result" in end for end in ends)


@pytest.mark.parametrize("tool", [tool for tool, row in TOOLS.items() if row.wrong])
async def test_what_is_wrong_with_settings_is_said_before_a_job_begins(person: SnapOtter, tool: str) -> None:
    wrong = TOOLS[tool].wrong
    assert wrong
    reply = await called(person, tool, settings=wrong)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings"), reply.text
    assert all(reply.json()["details"].startswith(f"{field}: ") for field in wrong), reply.text
    text = await person.form(f"/api/v1/tools/{tool}", ("file", PICTURE, "shoe.png"), ("settings", "{"))
    assert (text.status_code, "JSON" in text.json()["error"]) == (400, True)


@EVERY
async def test_file_and_picture_come_before_settings(person: SnapOtter, tool: str) -> None:
    nothing = await person.form(f"/api/v1/tools/{tool}", ("settings", "{"))
    assert nothing.status_code == 400
    assert nothing.json()["error"].startswith("No image file"), nothing.text
    text = await called(person, tool, b"no picture", "{")
    assert text.status_code == 400
    assert text.json()["error"].startswith("Invalid image"), text.text


@EVERY
async def test_nobody_else_may(visitor: SnapOtter, tool: str) -> None:
    assert (await called(visitor, tool)).status_code == 401
