"""Having a task's pictures made: kept ones are not requested again, and those received are delivered even if others failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.inference.contract.flow import GeneratedPicture, References
from services.inference.contract.provider import GenerationParameters, GenerationRequest, Provider, Reference
from services.inference.contract.step import Step
from services.inference.credentials.used_models import note_model
from services.inference.media import Image, Saving, encode
from services.inference.media.isolated import read_picture
from services.inference.media.resampling import resize
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.log import get_logger
from services.platform.sandbox import SandboxCrashed, SandboxLost, SandboxOutOfMemory, SandboxTimedOut

_PASSING = (ErrorReason.PROVIDER_UNAVAILABLE, ErrorReason.UNAVAILABLE)
_SENT = 0.1
"""Share of the time until the first request is sent."""
LONGEST_REFERENCE_SIDE = 2048
"""Pixels: providers scale larger ones down, but only after they were paid and waited for."""
_REFERENCE_QUALITY = 95

_logger = get_logger()


async def make_pictures(
    references: References, parameters: GenerationParameters, provider: Provider, step: Step, *, quality: str = ""
) -> list[GeneratedPicture]:
    """The pictures of a task, in order: those that an earlier attempt has kept, and the others from the provider.

    Each is kept as soon as it arrives, so that it is not paid for twice if a later step fails or another attempt follows. If some fail
    permanently, or temporarily in the last attempt, the task delivers the others, with a notice. If all fail, or another attempt may
    succeed with the missing ones, raises what `Provider.make` raised.
    """
    making = _Making(GenerationRequest.of(parameters, quality), parameters.count or 1, provider, step)
    if parameters.keep_reference_size and not references.count:
        step.notice("not_applied", "keep_reference_size", "The request has no reference pictures.", {"why": "no_references"})
    if parameters.archive and making.count == 1:
        step.notice("not_applied", "archive", "There is only one picture, so no archive was made.", {"why": "single_picture"})
    # Pictures of an earlier attempt, too, are by this model.
    note_model(provider.model)
    await making.take_kept()
    if making.missing:
        await making.make_missing(await _prepared(references, parameters.keep_reference_size, step))
    return making.result()


async def _prepared(references: References, keep_size: bool, step: Step) -> list[Reference]:
    ready = []
    for number in range(references.count):
        step.check()
        step.report(_SENT * number / references.count, f"Reading reference {number + 1} of {references.count}")
        image = await references.read(number)
        ready.append(await asyncio.to_thread(prepare_reference, image, keep_size=keep_size))
    return ready


@dataclass
class _Making:
    """The pictures of one task while they are being made."""

    request: GenerationRequest
    count: int
    provider: Provider
    step: Step
    pictures: dict[int, GeneratedPicture] = field(default_factory=dict)
    failures: list[DarkroomError] = field(default_factory=list)

    @property
    def missing(self) -> list[int]:
        return [number for number in range(self.count) if number not in self.pictures]

    async def take_kept(self) -> None:
        kept = await self.step.keeping.download_kept(self.step.folder)
        for number in self.missing:
            if (path := kept.get(_key(number))) is not None:
                self.pictures[number] = await self._read(number, path)
        if self.pictures:
            _logger.info("pictures_kept", pictures=len(self.pictures))

    async def make_missing(self, references: Sequence[Reference]) -> None:
        for left_out in self.provider.not_applied(self.request, references):
            self.step.notice("not_applied", left_out.parameter, left_out.message, {"why": left_out.why, **left_out.details})
        self._report()
        missing, size = self.missing, self.provider.most_at_once
        shares = [missing[start : start + size] for start in range(0, len(missing), size)]
        async with asyncio.TaskGroup() as group:
            for share in shares:
                group.create_task(self._make(references, share))

    async def _make(self, references: Sequence[Reference], numbers: Sequence[int]) -> None:
        """One request. A provider's failure is recorded, so that the other requests go on."""
        try:
            contents = await self.provider.make(self.request, references, len(numbers))
            for number, content in zip(numbers, contents, strict=False):
                path = self.step.folder / f"made-{number}"
                await asyncio.to_thread(path.write_bytes, content)
                made = await self._read(number, path)
                await self.step.keeping.keep(_key(number), path, made.format.media_type)
                self.pictures[number] = made
                self._report()
            if len(contents) < len(numbers):
                raise DarkroomError(ErrorReason.PROVIDER_REJECTED, f"{len(contents)} of {len(numbers)} pictures were given.")
        except DarkroomError as error:
            _logger.info("generation_failed", reason=error.reason.value, pictures=len(numbers))
            self.failures.append(error)

    def result(self) -> list[GeneratedPicture]:
        if self.failures:
            passing = [error for error in self.failures if error.reason in _PASSING]
            if passing and not self.step.last:
                # Raise the failure with the longest retry delay.
                raise max(passing, key=lambda error: error.retry_after or 0)
            if not self.pictures:
                raise next((error for error in self.failures if error not in passing), self.failures[0])
            first, made = self.failures[0], len(self.pictures)
            details = {"made": made, "of": self.count, "reason": first.reason.value.lower()}
            self.step.notice("partial", "count", f"{made} of {self.count} pictures were made. {first.message}", details)
        return [self.pictures[number] for number in sorted(self.pictures)]

    async def _read(self, number: int, path: Path) -> GeneratedPicture:
        """Fully decode a picture in a child process, since it comes from outside, like an upload. Raises PROVIDER_REJECTED for one that
        cannot be read, and UNAVAILABLE if this worker is to blame for that."""
        tools = self.step.tools
        folder = self.step.folder / f"reading-{number}"
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        try:
            image = await read_picture(tools.sandbox, path, folder, tools.result_limits, tools.picture_resources)
        except SandboxLost as error:
            _logger.warning("sandbox_lost", error=str(error))
            raise DarkroomError(ErrorReason.UNAVAILABLE, "The worker had to end what reads the picture.") from error
        except (DarkroomError, SandboxCrashed, SandboxOutOfMemory, SandboxTimedOut) as error:
            _logger.warning("made_unreadable", error=repr(error))
            raise DarkroomError(ErrorReason.PROVIDER_REJECTED, "The model returned a picture that cannot be read.") from error
        assert image.source_format is not None
        return GeneratedPicture(path, image.source_format, image.width, image.height)

    def _report(self) -> None:
        done = len(self.pictures) / self.count
        of = f" of {self.count}" if self.count > 1 else ""
        self.step.report(_SENT + (1 - _SENT) * done, f"Making picture {min(self.count, len(self.pictures) + 1)}{of}")


def _key(number: int) -> str:
    return f"picture-{number}"


def prepare_reference(image: Image, *, keep_size: bool) -> Reference:
    """A reference as providers get it: upright, in sRGB, and without metadata, which may reveal where somebody lives.

    JPEG, or PNG if it has alpha. Takes a few tenths of a second: call it in a thread.
    """
    scale = 1.0 if keep_size else min(1.0, LONGEST_REFERENCE_SIDE / max(image.width, image.height))
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    pixels = resize(image.srgb(), width, height)
    if image.alpha is None:
        return Reference(
            encode(Image(pixels), Saving(MediaFormat.JPEG, quality=_REFERENCE_QUALITY)), MediaFormat.JPEG.media_type, width, height
        )
    alpha = resize(image.alpha, width, height)
    if alpha.dtype != pixels.dtype:
        alpha = (alpha // 257).astype(pixels.dtype)
    return Reference(encode(Image(pixels, alpha)), MediaFormat.PNG.media_type, width, height)
