"""Running plain picture operations as a worker does: from a file through a pipeline to a file.

What is short work runs twice, step by step and in one child, and both must give the same file, byte for byte.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darkroom.operations.v1 import operation_pb2
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.step import DocumentLimits, Tools
from services.inference.media import Image, Limits, decode, encode
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.registry import Registry
from services.inference.pipeline.run import Product, Run, Source
from services.inference.pipeline.stages import Stages
from services.pictures.operations import spec_of
from services.platform.rpc.validation import RequestValidator
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox, WarmChildren
from tests.unit.imaging.pictures import photo, wide_gamut_profile
from tests.unit.inference.steps import process

LIMITS = Limits(1.0)


class Running:
    """Runs operations on a file, and keeps what they say."""

    def __init__(self, sandbox: Sandbox, warm: WarmChildren, folder: Path) -> None:
        self.notices: list[tuple[str, str]] = []
        self.auxiliaries: dict[int, bytes] = {}
        """The pictures that operations may name, by id."""
        self._warm = warm
        self._folder = folder
        self.tools = Tools(
            triton=None,  # none of these operations calls it
            sandbox=sandbox,
            models=Models("", "", {}, 256),
            picture_limits=LIMITS,
            picture_resources=SandboxLimits(memory_bytes=4 << 30),
            result_limits=LIMITS,
            memory=MemoryBudget(1 << 30),
            documents=DocumentLimits(1 << 30, 600, 30),
        )

    async def joined(self, files: Mapping[str, bytes], *operations: Mapping[str, Any]) -> Product:
        """What is made of several files, by their names, together; its contents are bytes."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        sources = []
        for number, (name, data) in enumerate(files.items()):
            (folder / str(number)).write_bytes(data)
            sources.append(Source(name, folder / str(number), 0))
        pipeline = Pipeline(self.tools, Registry().bind(_checked(operations)), 1 << 24)
        made = await process(pipeline, self._run(*sources))
        assert made is not None
        return _settled(made)

    async def made_of_nothing(self, *operations: Mapping[str, Any]) -> Product:
        """What operations make without a file."""
        pipeline = Pipeline(self.tools, Registry().bind(_checked(operations)), 1 << 24)
        await pipeline.prepare(self._auxiliary)
        made = await process(pipeline, self._run())
        assert made is not None
        return _settled(made)

    async def product(self, data: bytes, *operations: Mapping[str, Any], name: str = "photo.png", twice: bool = True) -> Product:
        """The file made, for operations such as `{"crop": {…}}`; its contents are bytes. Not `twice`: short work in one child alone."""
        messages = _checked(operations)
        path = self._folder / "input"
        path.write_bytes(data)
        source = Source(name, path, 0)
        before = len(self.notices)
        short = all(spec_of(operation).short_megapixels for operation in messages)
        if short and not twice:
            return await self._made(dataclasses.replace(self.tools, warm=self._warm), source, messages)
        made = await self._made(self.tools, source, messages)
        if not short:
            return made
        told = self.notices[before:]
        again = await self._made(dataclasses.replace(self.tools, warm=self._warm), source, messages)
        assert (dataclasses.replace(again, content=made.content), self.notices[before + len(told) :]) == (made, told)
        assert again.content == made.content or _alike(again, made)
        del self.notices[before + len(told) :]
        return made

    async def _made(self, tools: Tools, source: Source, messages: Sequence[operation_pb2.Operation]) -> Product:
        pipeline = Pipeline(tools, Registry().bind(messages), 1 << 24)
        await pipeline.prepare(self._auxiliary)
        made = await process(pipeline, self._run(source))
        assert made is not None
        return _settled(made)

    async def _auxiliary(self, file_id: int) -> Source:
        path = self._folder / f"auxiliary-{file_id}"
        path.write_bytes(self.auxiliaries[file_id])
        return Source(path.name, path, 0)

    def _run(self, *sources: Source) -> Run:
        return Run(
            folder=self._folder,
            report=lambda done, message: None,
            check=lambda: None,
            notice=lambda code, subject, message, details=None, /: self.notices.append((code, subject)),
            stages=Stages(),
            keeping=None,  # nothing is kept
            sources=sources,
        )

    async def file(self, data: bytes, *operations: Mapping[str, Any]) -> bytes:
        """What the file made contains."""
        content = (await self.product(data, *operations)).content
        return content if isinstance(content, bytes) else content.read_bytes()


def _checked(operations: Sequence[Mapping[str, Any]]) -> list[operation_pb2.Operation]:
    messages = [operation_pb2.Operation(**operation) for operation in operations]
    for message in messages:
        RequestValidator().check(message)
    return messages


def _settled(made: Product) -> Product:
    """The same with bytes in place of paths."""
    content = made.content if isinstance(made.content, bytes) else made.content.read_bytes()
    return dataclasses.replace(made, content=content, attachments=tuple(map(_settled, made.attachments)))


def _alike(one: Product, other: Product) -> bool:
    """Whether they differ by rounding alone: of a turned picture, rows are scaled before columns or after them."""
    first, second = (decode(made.content, LIMITS).pixels.astype(float) for made in (one, other) if isinstance(made.content, bytes))
    # Quantization makes more of a difference that crosses a step of it.
    return bool(np.mean((first - second) ** 2) < (4 if one.media_type == "image/jpeg" else 0.5))


def png(image: Image | np.ndarray) -> bytes:
    return encode(image if isinstance(image, Image) else Image(image))


def cut() -> Image:
    """A photograph whose right half is transparent, with its own profile."""
    alpha = np.full((120, 160), 255, np.uint8)
    alpha[:, 80:] = 0
    pixels = photo()
    pixels[:, 80:] = 0
    return Image(pixels, alpha, icc=wide_gamut_profile())
