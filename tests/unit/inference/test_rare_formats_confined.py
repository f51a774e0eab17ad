"""Rarer formats are read by children that may do as little as any other, and cost those that read other pictures nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from services.inference.media import Hints, Limits, isolated
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox
from tests.unit.imaging.pictures import photo, written
from tests.unit.imaging.test_decode import BITS, FILES, NAMES

RESOURCES = SandboxLimits(memory_bytes=4 << 30, cpu_seconds=20)
ROOT = Path(__file__).parents[3]
LIBRARIES = ("rawpy", "OpenEXR", "pyjpegxl", "psd_tools", "cv2", "PIL.IcoImagePlugin", "PIL.TgaImagePlugin")


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__], concurrency=1) as made:
        yield made


@pytest.mark.cases(11)
@pytest.mark.parametrize("format_", FILES)
async def test_every_format_is_read_in_a_sandbox(sandbox: Sandbox, tmp_path: Path, format_: str) -> None:
    source = tmp_path / "input"
    source.write_bytes(FILES[format_]())
    hints = Hints(NAMES.get(format_, ""))
    header = await isolated.read_picture_header(sandbox, source, Limits(), RESOURCES, hints)
    image = await isolated.read_picture(sandbox, source, tmp_path, Limits(), RESOURCES, hints)
    assert (header.format, image.source_format) == (format_, format_)
    assert (
        (header.width, header.height, header.wide) == (image.width, image.height, image.bit_depth == 16) == (160, 120, BITS[format_] == 16)
    )


@pytest.mark.cases(8)
@pytest.mark.parametrize("format_", FILES)
async def test_damaged_files_of_every_format_are_refused_if_they_are_not_read(sandbox: Sandbox, tmp_path: Path, format_: str) -> None:
    content, generator = FILES[format_](), np.random.default_rng(7)
    source = tmp_path / "input"
    for _ in range(6):
        broken = np.frombuffer(content, np.uint8).copy()
        # Where the headers are, and what is in them decides how much memory is asked for.
        places = generator.integers(4, min(400, len(content)), 5)
        broken[places] = generator.integers(0, 256, 5)
        source.write_bytes(broken.tobytes())
        try:
            image = await isolated.read_picture(sandbox, source, tmp_path, Limits(), RESOURCES, Hints(NAMES.get(format_, "")))
            assert 0 < image.width * image.height <= Limits().megapixels * 1_000_000
        except DarkroomError as error:
            assert error.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED, ErrorReason.MEDIA_LIMIT_EXCEEDED)
    source.write_bytes(content[: len(content) // 8])
    with pytest.raises(DarkroomError) as cut:
        await isolated.read_picture(sandbox, source, tmp_path, Limits(), RESOURCES, Hints(NAMES.get(format_, "")))
    assert cut.value.reason in (ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_UNSUPPORTED)


def test_what_reads_a_jpeg_has_none_of_the_rarer_libraries() -> None:
    script = (
        "import sys\n"
        "from services.inference.pipeline import isolated\n"
        "from services.inference.media import Limits, decode\n"
        "decode(sys.stdin.buffer.read(), Limits())\n"
        f"print([name for name in {LIBRARIES} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], input=written(photo(), "JPEG"), capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == b"[]"
