"""A picture made smaller while the caller waits, compared with a Node server that has sharp in its process."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from benchmarks.load import FORM, Call, Connection, call_until, open_connection, time_call
from benchmarks.processor import Spent, each, shares, spending
from benchmarks.sharp_server import sharp_server
from benchmarks.shrinking import QUALITY, SIZE, WIDTH, draw_photo, resize_form, shrink
from benchmarks.table import GoalResult, Section, milliseconds, percentile
from deploy.local.scratch.stack import ScratchStack
from services.inference.media import configure_libvips

_ROUNDS, _ALONE, _CALLERS, _SECONDS = 3, 20, 8, 4.0
_FORM, _FETCHED, _WAIT, _SHARP, _BARE = (
    "by form",
    "by form, and the result fetched",
    "uploaded before; `POST /v1/batches`, `?wait`",
    "sharp in Node",
    "libvips alone",
)


async def measure(stack: ScratchStack) -> Section:
    """Each way alone and with several callers, in turn."""
    picture = await asyncio.to_thread(draw_photo)
    configure_libvips(1)
    section = Section(
        "A resize that the caller waits for",
        f"A JPEG file of {SIZE[0]} × {SIZE[1]} pixels ({len(picture) >> 10} KiB), the two sample photographs side by side, made {WIDTH} "
        f"wide, as a baseline JPEG of quality {QUALITY} (what sharp writes unless told otherwise); connections stay open. *By form*: "
        "`POST /v1-beta1/image/edit/upload`, answered with the URL of the result. *Sharp in Node*: a server whose reply is the result; it "
        "stores nothing, and knows no keys, no order, no limits and no sandbox. *Libvips alone*: decoded, scaled and encoded in this "
        "process by the library that the worker uses, one picture after the other in one thread, without a server; its rate is what "
        f"{os.cpu_count()} cores could do if nothing else took any time. "
        f"*Alone*: one caller on an idle system. {_CALLERS} callers for {_SECONDS:.0f} s. All {_ROUNDS} times in turn. "
        "*Processor*: of all parts, or of the Node process, for one picture.",
        ("way", "alone, p50", "p99", f"{_CALLERS} callers", "p50", "p99", "processor"),
    )
    alone: dict[str, list[float]] = {}
    together: dict[str, list[float]] = {}
    spent: dict[str, Spent] = {}
    key = {"Authorization": f"Bearer {stack.api_key}"}
    async with sharp_server("server.mjs") as (url, node):
        ways: dict[str, tuple[str, dict[str, str], Call]] = {
            _FORM: (stack.url, key, by_form(picture, fetched=False)),
            _FETCHED: (stack.url, key, by_form(picture, fetched=True)),
            _WAIT: (stack.url, key, await _by_id(stack, picture)),
            _SHARP: (url, {}, _by_sharp(picture)),
        }
        for _ in range(_ROUNDS):
            shrink(picture)
            before = time.process_time()
            alone.setdefault(_BARE, []).extend(_timed_shrink(picture) for _ in range(_ALONE))
            spent.setdefault(_BARE, Counter())["libvips"] += round((time.process_time() - before) * 1e6)
            for name, (server, headers, call) in ways.items():
                async with AsyncExitStack() as stack_of_connections:
                    callers = [await stack_of_connections.enter_async_context(open_connection(server, headers)) for _ in range(_CALLERS)]
                    await call_until(callers[:1], call, time.perf_counter() + 0.5)
                    alone.setdefault(name, []).extend([await time_call(call, callers[0]) for _ in range(_ALONE)])
                    taken = spent.setdefault(name, Counter())
                    if name == _SHARP:
                        before = sum(node.cpu_times()[:2])
                        together.setdefault(name, []).extend(await call_until(callers, call, time.perf_counter() + _SECONDS))
                        taken["node"] += round((sum(node.cpu_times()[:2]) - before) * 1e6)
                    else:
                        with spending(stack, taken):
                            together.setdefault(name, []).extend(await call_until(callers, call, time.perf_counter() + _SECONDS))
    rates = {name: len(times) / _SECONDS / _ROUNDS for name, times in together.items()}
    for name in ways:
        section.rows.append(
            (
                name,
                *(milliseconds(percentile(alone[name], share)) for share in (0.5, 0.99)),
                f"{rates[name]:.0f}/s",
                *(milliseconds(percentile(together[name], share)) for share in (0.5, 0.99)),
                each(spent[name], len(together[name])),
            )
        )
    floor, most = each(spent[_BARE], len(alone[_BARE])), (os.cpu_count() or 1) * len(alone[_BARE]) / (spent[_BARE].total() / 1e6)
    bare = [milliseconds(percentile(alone[_BARE], share)) for share in (0.5, 0.99)]
    section.rows.append((_BARE, *bare, f"at most {most:.0f}/s", "–", "–", floor))
    section.remarks = f"By form, a picture took: {shares(spent[_FORM], len(together[_FORM]))}."
    mine, its = (percentile(alone[name], 0.5) for name in (_FORM, _SHARP))
    processor = each(spent[_FORM], len(together[_FORM]))
    costs = [spent[name].total() / len(times[name]) for name, times in ((_FORM, together), (_BARE, alone))]
    section.goals = [
        GoalResult("resize", milliseconds(mine), (mine / its,), milliseconds(its), processor),
        GoalResult("resize, 8 callers", f"{rates[_FORM]:.0f}/s", (rates[_FORM] / rates[_SHARP],), f"{rates[_SHARP]:.0f}/s", processor),
        GoalResult("resize, processor", processor, (costs[0] / costs[1],), floor),
    ]
    return section


def _timed_shrink(picture: bytes) -> float:
    begun = time.perf_counter()
    shrink(picture)
    return time.perf_counter() - begun


def by_form(picture: bytes, *, fetched: bool) -> Call:
    body = resize_form(picture)

    async def call(connection: Connection) -> None:
        reply = await connection.call("POST", "/v1-beta1/image/edit/upload", body, **FORM)
        if fetched:
            url = urlsplit(reply["output"]["tmp_url"])
            await connection.request("GET", f"{url.path}?{url.query}")

    return call


async def _by_id(stack: ScratchStack, picture: bytes) -> Call:
    """Upload the picture once, and use it in each call."""
    async with open_connection(stack.url, {"Authorization": f"Bearer {stack.api_key}"}) as api, open_connection(stack.url) as edge:
        new = {"nanoid": "V1StGXR8_Z5jdHi6B-myT", "name": "photo.jpg", "type": "jpg", "size": len(picture)}
        asked = {"files": [new], "upload_mode": "simple"}
        [made] = (await api.call("POST", "/v1/files/batch-create", asked))["items"]
        url = urlsplit(made["upload_url"])
        await edge.request("PUT", f"{url.path}?{url.query}", picture)
        await api.call("POST", f"/v1/files/{made['id']}/complete", {})
    converted = {"format": "PICTURE_FORMAT_JPEG", "quality": QUALITY, "progressive": False}
    operations = [{"resize": {"width": WIDTH}}, {"convert": converted}]
    body = {"items": [{"file_ids": [made["id"]]}], "operations": operations}

    async def call(connection: Connection) -> None:
        [task] = (await connection.call("POST", "/v1/batches", body, Idempotency_Key=str(uuid.uuid4())))["tasks"]
        result = await connection.call("GET", f"/v1/tasks/{task['task_id']}/result?wait=60")
        if result["status"] != "Succeeded":
            raise RuntimeError(str(result))

    return call


def _by_sharp(picture: bytes) -> Call:
    return lambda connection: connection.request("POST", f"/?width={WIDTH}&quality={QUALITY}", picture)
