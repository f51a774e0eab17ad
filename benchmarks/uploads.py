"""A small file, from its record to its first use: what a client waits for before it can ask for work."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.load import Connection, open_connection
from benchmarks.processor import Spent, each, shares, spending
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from benchmarks.transfers import presign_urls
from deploy.local.scratch.stack import ScratchStack

_SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "portrait.jpg"
_RUNS, _WARM = 40, 5
_STEPS = ("create", "PUT", "complete")
_FIRST_USE = ("create", "PUT", "first use")
_USED_BEFORE = "the same call with a file used before"
_BARE_PUT = "PUT alone, through the edge"
_NEW = {
    "files": [{"nanoid": "V1StGXR8_Z5jdHi6B-myT", "name": "portrait.jpg", "type": "jpg", "size": _SAMPLE.stat().st_size}],
    "upload_mode": "simple",
}


async def measure(stack: ScratchStack) -> Section:
    """Both ways and the bare PUTs, in turn, one at a time on an idle system."""
    content = _SAMPLE.read_bytes()
    section = Section(
        "A small upload",
        f"The sample photo ({len(content) // 1024} KiB) by the JSON API over connections that stay open, one upload at a time on an idle "
        f"system, {_RUNS} of each in turn: `POST /v1/files/batch-create`, `PUT` to the URL, then either `POST /v1/files/:id/complete`, or "
        "straight away `POST /v1/batches` with a task that uses the file, which examines it; that call also creates the task, which alone "
        "takes what it takes with a file used before. *PUT alone*: of the same bytes by a presigned URL, the least that any upload takes. "
        "*Processor*: of all parts; with the first use less that of the call with a file used before, each with its task to the end.",
        ("what", "p50", "p99", "processor"),
    )
    times: dict[str, list[float]] = {}
    spent: dict[str, Spent] = {name: Counter() for name in ("complete", "first use", _USED_BEFORE)}
    settings = stack.settings("files")
    bare = {
        _BARE_PUT: (await presign_urls(settings, settings["DARKROOM_S3_PUBLIC_ENDPOINT"]))[0],
        "PUT alone, straight to the storage": (await presign_urls(settings, settings["DARKROOM_S3_ENDPOINT"]))[0],
    }
    key = {"Authorization": f"Bearer {stack.api_key}"}
    async with (
        open_connection(stack.url, key) as api,
        open_connection(stack.url) as edge,
        open_connection(settings["DARKROOM_S3_ENDPOINT"]) as storage,
    ):
        for run in range(-_WARM, _RUNS):
            for last, steps in (("complete", _STEPS), ("first use", _FIRST_USE)):
                with spending(stack, spent[last] if run >= 0 else Counter()):
                    marks, file_id = await _upload(api, edge, content, last)
                for step, begun, ended in zip(steps, marks[:-1], marks[1:], strict=True):
                    times.setdefault(f"{', '.join(steps)}: {step}", []).append(ended - begun)
                times.setdefault(f"**{', '.join(steps)}**", []).append(marks[-1] - marks[0])
            with spending(stack, spent[_USED_BEFORE] if run >= 0 else Counter()):
                times.setdefault(_USED_BEFORE, []).append(await _use(api, file_id))
            for (name, url), connection in zip(bare.items(), (edge, storage), strict=True):
                begun = time.perf_counter()
                await _put(connection, url, content)
                times.setdefault(name, []).append(time.perf_counter() - begun)
    bare_put = percentile(times[_BARE_PUT][_WARM:], 0.5)
    for name, taken in times.items():
        kept = taken[_WARM:]
        last = name.strip("*").split(", ")[-1]
        processor = ""
        if name.startswith("**"):
            processor = each(spent[last] if last == "complete" else _less(spent[last], spent[_USED_BEFORE]), _RUNS)
        section.rows.append((name, *(milliseconds(percentile(kept, share)) for share in (0.5, 0.99)), processor))
        if name.startswith("**"):
            median = percentile(kept, 0.5)
            goal = "upload" if last == "complete" else "upload, first use"
            section.goals.append(GoalResult(goal, milliseconds(median), (median / bare_put,), milliseconds(bare_put), processor))
    section.remarks = f"With *complete* it took: {shares(spent['complete'], _RUNS)}."
    return section


async def _upload(api: Connection, edge: Connection, content: bytes, last: str) -> tuple[list[float], str]:
    """Upload once. Returns the moments between the steps, and the file's id."""
    marks = [time.perf_counter()]
    [new] = (await api.call("POST", "/v1/files/batch-create", _NEW))["items"]
    marks.append(time.perf_counter())
    await _put(edge, new["upload_url"], content)
    marks.append(time.perf_counter())
    if last == "complete":
        await api.call("POST", f"/v1/files/{new['id']}/complete", {})
        marks.append(time.perf_counter())
    else:
        marks.append(marks[-1] + await _use(api, new["id"]))
    return marks, new["id"]


async def _use(api: Connection, file_id: str) -> float:
    """Seconds until a task that uses the file has been created. Returns when it has ended."""
    asked = {"items": [{"file_ids": [file_id]}], "operations": [{"resize": {"width": 64}}]}
    begun = time.perf_counter()
    [task] = (await api.call("POST", "/v1/batches", asked))["tasks"]
    created = time.perf_counter()
    await api.call("GET", f"/v1/tasks/{task['task_id']}/status?wait=60")
    return created - begun


def _less(spent: Spent, without: Spent) -> Spent:
    """What was spent beside the rest; of a part that is hardly concerned it may be less than nothing."""
    return Counter({part: spent[part] - without[part] for part in spent | without})


async def _put(connection: Connection, url: str, content: bytes) -> None:
    parts = urlsplit(url)
    await connection.request("PUT", f"{parts.path}?{parts.query}", content)
